"""Reads the codes of label pictures with a library that shares no code with us: one JSON object a picture on stdout."""

import json
import sys

import zxingcpp
from PIL import Image

for path in sys.argv[1:]:
    # White around it, as on the roll, and pixels enough for a module.
    label = Image.open(path).convert("L")
    picture = Image.new("L", (label.width + 40, label.height + 40), 255)
    picture.paste(label, (20, 20))
    if picture.width < 1000:
        picture = picture.resize((2 * picture.width, 2 * picture.height), Image.Resampling.NEAREST)
    codes = zxingcpp.read_barcodes(picture, text_mode=zxingcpp.TextMode.Plain)
    found = [{"hex": code.bytes.hex(), "aim": code.symbology_identifier, "gs1": code.content_type.name == "GS1"} for code in codes]
    print(json.dumps({"file": path, "codes": found}))
