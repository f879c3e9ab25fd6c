"""Starts and stops the origin app and the servers before it: nginx, HAProxy, Portcullis.

Whatever is started here is a child of this program in a folder that goes away, listens on 127.0.0.1 only, and is
stopped by its own handle.
"""

import ctypes
import multiprocessing
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import configurations
import origin
from guard import Place, Refused, fetch_nonce

ADDRESS = "127.0.0.1"
START_SECONDS = 15
STOP_SECONDS = 6
PR_SET_PDEATHSIG = 1
TICKS = os.sysconf("SC_CLK_TCK")


def free_ports(count):
    """Ports that nobody listens on. They are held together until all are known, so that none comes twice."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind((ADDRESS, 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()


def die_with_parent():
    """Runs in the child before its program: if this laboratory is killed, its servers end too."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def make_certificate(folder):
    """A self-signed certificate for this run: chain.pem, key.pem and both.pem (HAProxy wants one file)."""
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=lab.test"
    command += " -addext subjectAltName=DNS:lab.test -keyout key.pem -out chain.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.touch(mode=0o600)
    both.write_bytes((folder / "chain.pem").read_bytes() + (folder / "key.pem").read_bytes())


def version_of(program, flag):
    """The first version number that a program says, as a tuple; None if there is no such program."""
    if not (found := where_is(program)):
        return None
    said = subprocess.run([found, flag], capture_output=True, text=True, check=False)
    numbers = re.search(r"(\d+)\.(\d+)\.(\d+)", said.stdout + said.stderr)
    return tuple(map(int, numbers.groups())) if numbers else (0, 0, 0)


def where_is(program):
    # Debian keeps servers in /usr/sbin, which is not on everybody's path.
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")


class OriginApp:
    """The origin app in a process of its own, with the nonce of this run."""

    def __init__(self):
        self.nonce = secrets.token_hex(16)
        receiver, sender = multiprocessing.Pipe(duplex=False)
        self.process = multiprocessing.Process(target=origin.run, args=(self.nonce, sender), daemon=True)
        self.process.start()
        if not receiver.poll(START_SECONDS):
            raise Refused("the origin app did not start")
        self.port = receiver.recv()

    def stop(self):
        self.process.terminate()
        self.process.join(STOP_SECONDS)


class Server:
    """A server under attack: its process, its place and what it has used."""

    def __init__(self, name, command, place, folder):
        self.name, self.place, self.log = name, place, folder / "output.log"
        with open(self.log, "wb") as output:
            self.process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                start_new_session=True, preexec_fn=die_with_parent,
            )

    def wait_until_ready(self):
        """Returns once /nonce is answered by anybody; whose answer it is, `guard.prove` decides."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise Refused(f"{self.name} ended at once: {self.log.read_text(errors='replace')[-2000:]}")
            try:
                if fetch_nonce(self.place):
                    return
            except OSError:
                pass
            time.sleep(0.05)
        raise Refused(f"{self.name} did not get ready: {self.log.read_text(errors='replace')[-2000:]}")

    def alive(self):
        return self.process.poll() is None

    def usage(self):
        """Seconds of processor time so far, and the largest memory in MiB, of the process and its children."""
        ticks = memory = 0
        for pid in tree(self.process.pid):
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            # Fields 14 to 17 of proc(5): own and ended children's time, user and system.
            ticks += sum(map(int, fields[11:15]))
            memory += int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) if "VmHWM" in status else 0
        return {"cpu_s": round(ticks / TICKS, 2), "memory_mib": round(memory / 1024, 1)}

    def stop(self):
        """Asks, waits, and only then kills the group that this program itself started."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                # Not yet waited for, so the number still belongs to this very group.
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait(STOP_SECONDS)


def tree(pid):
    """A process and all that descend from it."""
    found = [pid]
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    for child in children:
        found += tree(int(child))
    return found


def start(name, folder, origin_port, portcullis):
    """Starts one server in front of the origin app and waits until it answers."""
    folder.chmod(0o755)  # nginx gives up its rights, if it has any, and must still reach its folders.
    make_certificate(folder)
    plain, tls, console = free_ports(3)
    place = Place(name, ADDRESS, plain, tls, str(folder / "chain.pem"))
    fields = dict(address=ADDRESS, plain=plain, tls=tls, console=console, origin=origin_port, folder=folder)
    command = PREPARE[name](folder, fields, portcullis)
    server = Server(name, command, place, folder)
    try:
        server.wait_until_ready()
    except BaseException:
        server.stop()
        raise
    return server


def prepare_nginx(folder, fields, _):
    # Since 1.25.1 http2 is a directive of its own.
    modern = version_of("nginx", "-v") >= (1, 25, 1)
    fields |= {"http2_line": "http2 on;" if modern else "", "http2_on_listen": "" if modern else "http2"}
    (folder / "nginx.conf").write_text(configurations.NGINX.format(**fields))
    return [where_is("nginx"), "-p", folder, "-e", folder / "error.log", "-c", folder / "nginx.conf"]


def prepare_haproxy(folder, fields, _):
    modern = version_of("haproxy", "-v") >= (3, 0, 0)
    fields |= {"glitches": "tune.h2.fe.glitches-threshold 1000" if modern else ""}
    (folder / "haproxy.cfg").write_text(configurations.HAPROXY.format(**fields))
    return [where_is("haproxy"), "-db", "-f", folder / "haproxy.cfg"]


def prepare_portcullis(folder, fields, binary):
    (folder / "state").mkdir(mode=0o700)
    (folder / "portcullis.toml").write_text(configurations.PORTCULLIS.format(**fields))
    return [binary, "run", "--config", folder / "portcullis.toml"]


PREPARE = {"nginx": prepare_nginx, "haproxy": prepare_haproxy, "portcullis": prepare_portcullis}
