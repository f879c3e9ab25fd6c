//! Headless Chromium over WebDriver (W3C WebDriver, section 6: commands are JSON over HTTP).

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::wait_for;
use crate::peer::{Missing, Peer};
use crate::place::free_address;
use crate::process::Running;
use crate::web::{self, Request};

/// A page with a part that never loads says so after 8 s; a start on a busy machine takes as long.
const COMMAND_WITHIN: Duration = Duration::from_secs(60);
const PAGE_WITHIN: Duration = Duration::from_secs(1);

/// Hosts of the tests are this machine; every other name leads nowhere, so that the browser reaches nobody else.
const NAMES: &str = "--host-resolver-rules=MAP *.localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1";

/// One browser with a profile of its own. Dropping it closes the browser, then its driver.
///
/// All its methods panic when the browser or its driver does not do what it is asked, or not within a minute: a test can do nothing
/// without it.
pub struct Browser {
    driver: SocketAddr,
    session: String,
    _running: Running,
    _folder: tempfile::TempDir,
}

impl Browser {
    /// `name` is its user agent: the gate tells browsers behind one address by it.
    ///
    /// # Errors
    /// [`Missing::Program`] without Chromium or its driver.
    pub fn start(name: &str) -> Result<Self, Missing> {
        Self::start_with(name, &json!({}))
    }

    /// As [`Browser::start`], with JavaScript off, as a person can set it for all pages.
    ///
    /// # Errors
    /// [`Missing::Program`] without Chromium or its driver.
    pub fn start_without_scripts(name: &str) -> Result<Self, Missing> {
        Self::start_with(name, &json!({ "profile.default_content_setting_values.javascript": 2 }))
    }

    fn start_with(name: &str, preferences: &Value) -> Result<Self, Missing> {
        let (chromium, chromedriver) = (Peer::find("chromium")?, Peer::find("chromedriver")?);
        let folder = tempfile::tempdir().expect("there is room");
        let driver = free_address();
        let mut command = chromedriver.command();
        command.arg(format!("--port={}", driver.port())).current_dir(folder.path());
        let ready = || web::get(driver, "/status", &[]).is_ok_and(|answer| answer.status == 200);
        let running =
            Running::start_and_wait(&mut command, &folder.path().join("log"), COMMAND_WITHIN, ready)
                .unwrap_or_else(|error| panic!("{error}"));
        let profile = folder.path().join("profile");
        let options = json!({ "binary": chromium.path(), "prefs": preferences, "args": [
            // Whoever runs the tests as root has no other way; it only ever opens pages of this machine.
            "--no-sandbox",
            "--headless=new",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--no-first-run",
            NAMES,
            format!("--user-data-dir={}", profile.display()),
            format!("--user-agent={name}"),
        ]});
        let wanted = json!({ "browserName": "chrome", "goog:chromeOptions": options });
        let body = json!({ "capabilities": { "alwaysMatch": wanted } });
        let session = command_to(driver, "POST", "/session", &body)["sessionId"].clone();
        let session = session.as_str().expect("a session has an id").to_owned();
        Ok(Self { driver, session, _running: running, _folder: folder })
    }

    /// Goes to a page and waits for its `load` event.
    pub fn open(&self, address: &str) {
        self.post("url", &json!({ "url": address }));
    }

    /// What a script returns.
    pub fn run(&self, script: &str) -> Value {
        self.post("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// What a script's promise becomes.
    pub fn resolve(&self, promise: &str) -> Value {
        let script =
            format!("const done = arguments[0]; ({promise}).then(done, (error) => done(String(error)));");
        self.post("execute/async", &json!({ "script": script, "args": [] }))
    }

    /// A command of the Chrome DevTools Protocol.
    pub fn devtools(&self, name: &str, parameters: &Value) -> Value {
        self.post("goog/cdp/execute", &json!({ "cmd": name, "params": parameters }))
    }

    /// Shows pages from now on in a window of that width, in light or in dark.
    pub fn look(&self, width: u32, dark: bool) {
        let size = json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", &size);
        let scheme = if dark { "dark" } else { "light" };
        let feature = json!({ "name": "prefers-color-scheme", "value": scheme });
        self.devtools("Emulation.setEmulatedMedia", &json!({ "features": [feature] }));
    }

    /// The page that it shows, as HTML; without running anything in it.
    ///
    /// # Panics
    /// If there is none for a second.
    pub fn page(&self) -> String {
        let path = format!("/session/{}/goog/cdp/execute", self.session);
        let read = || {
            let root = self.devtools("DOM.getDocument", &json!({ "depth": 0 }))["root"]["nodeId"].clone();
            let command = json!({ "cmd": "DOM.getOuterHTML", "params": { "nodeId": root } });
            // The page that was asked about may be gone by now; then there is no such node, and the next one is asked.
            let answer = send(self.driver, "POST", &path, &command).ok()?;
            answer["outerHTML"].as_str().map(str::to_owned)
        };
        wait_for(PAGE_WITHIN, read).expect("the browser shows a page")
    }

    /// Writes into the first field that a selector finds, in place of what is in it, as a person who types does; no script runs.
    ///
    /// # Panics
    /// If there is none for a second.
    pub fn write(&self, selector: &str, text: &str) {
        self.focus(selector);
        // Control and A.
        let all = json!({ "type": "rawKeyDown", "modifiers": 2, "key": "a", "code": "KeyA", "windowsVirtualKeyCode": 65, "commands": ["selectAll"] });
        self.devtools("Input.dispatchKeyEvent", &all);
        self.devtools("Input.insertText", &json!({ "text": text }));
    }

    /// Presses the first button that a selector finds with the Enter key; no script runs.
    ///
    /// # Panics
    /// If there is none for a second.
    pub fn press(&self, selector: &str) {
        self.focus(selector);
        for kind in ["keyDown", "keyUp"] {
            let key = json!({ "type": kind, "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r" });
            self.devtools("Input.dispatchKeyEvent", &key);
        }
    }

    fn focus(&self, selector: &str) {
        let path = format!("/session/{}/goog/cdp/execute", self.session);
        let focus = || {
            let root = self.devtools("DOM.getDocument", &json!({ "depth": 0 }))["root"]["nodeId"].clone();
            let find =
                json!({ "cmd": "DOM.querySelector", "params": { "nodeId": root, "selector": selector } });
            // As in `page`: the page may be gone by now.
            let found = send(self.driver, "POST", &path, &find).ok()?["nodeId"].clone();
            let focus = json!({ "cmd": "DOM.focus", "params": { "nodeId": found } });
            let focused = send(self.driver, "POST", &path, &focus).ok()?;
            focused.get("error").is_none().then_some(())
        };
        wait_for(PAGE_WITHIN, focus).unwrap_or_else(|| panic!("nothing like {selector}: {}", self.page()));
    }

    /// Whether it holds a cookie of that name for the page that it shows.
    pub fn has_cookie(&self, name: &str) -> bool {
        let cookies =
            command_to(self.driver, "GET", &format!("/session/{}/cookie", self.session), &Value::Null);
        cookies.as_array().is_some_and(|cookies| cookies.iter().any(|cookie| cookie["name"] == name))
    }

    fn post(&self, command: &str, body: &Value) -> Value {
        command_to(self.driver, "POST", &format!("/session/{}/{command}", self.session), body)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The driver would leave the browser running. A test that has failed already shall not fail in here.
        let path = format!("/session/{}", self.session);
        let _gone = send(self.driver, "DELETE", &path, &Value::Null);
    }
}

impl fmt::Debug for Browser {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "session {} at {}", self.session, self.driver)
    }
}

fn command_to(driver: SocketAddr, method: &str, path: &str, body: &Value) -> Value {
    match send(driver, method, path, body) {
        Ok(value) if value.get("error").is_none() => value,
        Ok(value) => panic!("{method} {path} {body}: {value:#}"),
        Err(error) => panic!("{method} {path} {body}: {error}"),
    }
}

fn send(driver: SocketAddr, method: &str, path: &str, body: &Value) -> std::io::Result<Value> {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let headers = ["Content-Type: application/json"];
    let request =
        Request { method, headers: &headers, body: &text, within: COMMAND_WITHIN, ..Request::get(path) };
    let answer = web::send(driver, &request)?;
    let mut answer: Value = serde_json::from_str(&answer.body)?;
    Ok(answer["value"].take())
}
