"""A store that speaks S3: moto, with a bucket, and a key that may write below a prefix. Signatures are checked.

store.py serve PORT            prints the name of the key and the key, then serves until it is ended
store.py fetch URL ID KEY DIR  brings the page below the prefix into a folder, as Amazon's client reads it
"""

import json
import os
import sys
import threading

BUCKET, PREFIX, REGION = "status-shop-example", "shop/", "eu-central-1"
# The calls below, before a key is asked for.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "4"


def clients(url, key, secret):
    import boto3

    options = {
        "endpoint_url": url,
        "region_name": REGION,
        "aws_access_key_id": key,
        "aws_secret_access_key": secret,
    }
    return boto3.client("iam", **options), boto3.client("s3", **options)


def serve(port):
    from moto.server import ThreadedMotoServer

    ThreadedMotoServer(ip_address="127.0.0.1", port=int(port)).start()
    iam, s3 = clients(f"http://127.0.0.1:{port}", "setup", "setup")
    iam.create_user(UserName="gate")
    below = f"arn:aws:s3:::{BUCKET}/{PREFIX}*"
    allowed = [
        {"Effect": "Allow", "Action": ["s3:PutObject", "s3:DeleteObject", "s3:GetObject"], "Resource": below},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    iam.put_user_policy(UserName="gate", PolicyName="gate", PolicyDocument=policy)
    key = iam.create_access_key(UserName="gate")["AccessKey"]
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    print("key", key["AccessKeyId"], key["SecretAccessKey"], flush=True)
    threading.Event().wait()


def fetch(url, key, secret, folder):
    _, s3 = clients(url, key, secret)
    read = lambda place: s3.get_object(Bucket=BUCKET, Key=PREFIX + place)
    files = json.loads(read("manifest.json")["Body"].read())["files"]
    for place in ["manifest.json", "manifest.json.sig", *files]:
        path = os.path.join(folder, place)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        found = read(place)
        assert place.endswith(".html") == found["ContentType"].startswith("text/html"), place
        with open(path, "wb") as file:
            file.write(found["Body"].read())


if __name__ == "__main__":
    {"serve": serve, "fetch": fetch}[sys.argv[1]](*sys.argv[2:])
