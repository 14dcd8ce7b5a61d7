"""A terminal of another firm, written from docs/sync.md alone: enrols, delivers ten movements, prints the reply.
python3 sync_client.py URL CODE STATE_FILE      (pip install blake3 cryptography; SSL_CERT_FILE names the server's CA)"""
import json, os, struct, sys, time, urllib.request
from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey as Key
url, code, path = sys.argv[1:]
fresh = {"key": os.urandom(32).hex(), "epoch": os.urandom(16).hex(), "terminal": 0, "lines": [], "sealed_at": 0}
state = json.load(open(path)) if os.path.exists(path) else fresh
key = Key.from_private_bytes(bytes.fromhex(state["key"]))
def save():
    with open(path + ".new", "w") as file:
        json.dump(state, file), file.flush(), os.fsync(file.fileno())
    os.replace(path + ".new", path)
def post(where, message):
    body, at = json.dumps(message).encode(), time.time_ns() // 1000
    text = f"gatebook request v1\nPOST\n{where}\n{at}\n{(hash := blake3(body).hexdigest())}"
    headers = {"Content-Type": "application/json", "Accept": "application/json", "Gatebook-Terminal": state["terminal"],
               "Gatebook-Time-Us": at, "Gatebook-Body": hash, "Gatebook-Signature": key.sign(text.encode()).hex()}
    return json.load(urllib.request.urlopen(urllib.request.Request(url + where, body, headers), timeout=20))
if not state["terminal"]:
    save()  # the key first: the same code with the same key gets the same number again
    state["terminal"] = post("/api/v1/sync/enrol", {"code": code, "name": "foreign", "key": key.public_key().public_bytes_raw().hex()})["terminal"]
who = struct.pack("<I", state["terminal"]) + bytes.fromhex(state["epoch"])
heads = [blake3(b"gatebook book v1" + who).hexdigest()] + [line["hash"] for line in state["lines"]]
for seq in range(len(heads), 11):
    what = [{"code": f"own/F-{state['epoch'][:6].upper()}-{seq}", "quantity": {"amount": 1, "unit": "piece"}}]
    where = {"station": "bench", "read_point": "RECV-1", "device": "scanner", "person": None, "document": None}
    body = json.dumps({"act": "receive", "what": what, "from": None, "to": None, "to_person": None, "handling": where, "exceptions": []}).encode()
    line = [seq, time.time_ns() // 1000, 480, time.monotonic_ns() // 1000, 1, 0x8001]
    heads.append(blake3(bytes.fromhex(heads[-1]) + struct.pack("<QqhqBHI", *line, len(body)) + body).hexdigest())
    state["lines"].append(dict(zip("seq at_us zone_min mono_us kind schema body hash".split(), line + [body.hex(), heads[-1]])))
    state["sealed_at"] = line[1]
save()  # on disk before anybody hears "ok"
text = b"gatebook seal v1" + who + struct.pack("<QQQ32sq64x", 1, 1, 10, bytes.fromhex(heads[10]), state["sealed_at"])
seal = {"number": 1, "first": 1, "last": 10, "head": heads[10], "at_us": state["sealed_at"], "signature": key.sign(text).hex()}
book = {"terminal": state["terminal"], "epoch": state["epoch"]}
hello = post("/api/v1/sync/hello", {"versions": [1, 1], "program": "foreign 1", "book": book, "first_kept": 1, "last": 10,
    "head": heads[10], "at_us": time.time_ns() // 1000, "down_cursor": 0, "waiting": 10, "troubles": []})
print(json.dumps(post("/api/v1/sync/batch", {"book": book, "previous": hello["head"], "lines": state["lines"][hello["next"] - 1:],
    "seals": [seal][hello["next_seal"] - 1:], "at_us": time.time_ns() // 1000, "waiting": 0})))
