#!/usr/bin/env python3
"""Makes what the filter language is held against, with tshark and sharkd 4.0 at hand:

    python3 tests/filters/make.py

reads   tests/filters/list.txt   display filters, one a line
writes  tests/filters/tshark.tsv each with Wireshark's verdict (accept, refuse) and the frames it selects
        tests/filters/fields.tsv the fields that occur in them, their types and the names of their values
        tests/filters/rows.tsv   what tshark says of these fields in each frame
"""
import json
import os
import re
import struct
import subprocess
import tempfile
import xml.etree.ElementTree as ET

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
os.environ["TZ"] = "UTC"


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(source, destination, protocol, payload):
    def header(check):
        return struct.pack(">BBHHHBBH4B4B", 0x45, 0, 20 + len(payload), 7, 0, 64, protocol, check, *source, *destination)

    return header(checksum(header(0))) + payload


def tunnel(path):
    """Two UDP datagrams: one in a tunnel of IP in IP, one outside."""
    udp = struct.pack(">HHHH", 4000, 4001, 13, 0) + b"hello"
    inner = ipv4((192, 168, 1, 1), (192, 168, 1, 2), 17, udp)
    frames = [ipv4((10, 0, 0, 1), (10, 0, 0, 2), 4, inner), inner]
    ethernet = bytes.fromhex("020000000002" "020000000001" "0800")
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for at, frame in enumerate(frames):
            out.write(struct.pack("<IIII", 1700000000 + at, 500000, len(frame) + 14, len(frame) + 14))
            out.write(ethernet + frame)


def run(*command, text=None):
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False).stdout


def sharkd(capture, filters):
    """The frames that each filter selects; none where it is refused."""
    requests = [("load", {"file": capture})] + [("frames", {"filter": text}) for text in filters]
    lines = [json.dumps({"jsonrpc": "2.0", "id": at + 1, "method": m, "params": p}) for at, (m, p) in enumerate(requests)]
    found = {}
    for line in run("sharkd", "-", text="\n".join(lines) + "\n").splitlines():
        answer = json.loads(line)
        if "result" in answer and isinstance(answer["result"], list):
            found[answer["id"] - 2] = [frame["num"] for frame in answer["result"]]
    return [found.get(at) for at in range(len(filters))]


def ranges(numbers):
    out, start = [], None
    for at, number in enumerate(numbers):
        start = number if start is None else start
        if at + 1 == len(numbers) or numbers[at + 1] != number + 1:
            out.append(f"{start}" if start == number else f"{start}-{number}")
            start = None
    return ",".join(out) or "-"


def values(proto_layer, node, kinds, data, out):
    for field in node:
        name = field.get("name")
        if name in kinds:
            kind, show, raw = kinds[name], field.get("show", ""), field.get("value", "")
            at, size = int(field.get("pos", 0)), int(field.get("size", 0))
            if kind == "FT_NONE":
                value = ""
            elif kind == "FT_PROTOCOL" or raw and kind == "FT_BYTES" and data[2 * at : 2 * (at + size)] == raw:
                value = f"@{at}+{size}"
            elif kind.startswith(("FT_UINT", "FT_INT", "FT_BOOL", "FT_FRAMENUM")):
                value = str(int(show, 0)) if show not in ("True", "False") else str(int(show == "True"))
            elif kind == "FT_STRING":
                value = raw if name.startswith("mqtt.") else show.encode().hex()
            elif kind == "FT_BYTES":
                value = raw or show.replace(":", "")
            elif kind == "FT_ABSOLUTE_TIME":
                value = None  # from frame.time_epoch
            else:
                value = show
            if value is not None:
                out.append((name, proto_layer, value))
        values(proto_layer, field, kinds, data, out)


def rows(capture, kinds):
    frames = []
    pdml = ET.fromstring(run("tshark", "-r", capture, "-T", "pdml"))
    hexes = json.loads(run("tshark", "-r", capture, "-T", "json", "-x", "-j", "frame"))
    for packet, dump in zip(pdml, hexes):
        out, seen = [], {}
        data = dump["_source"]["layers"]["frame_raw"][0]
        out.append(("frame", 1, data))
        for proto in packet:
            name = proto.get("name")
            if name == "geninfo":
                continue
            # All MQTT packets of a segment stand in one layer.
            seen[name] = 1 if name == "mqtt" else seen.get(name, 0) + 1
            layer = seen[name]
            if name in kinds and name != "frame":
                at, size = int(proto.get("pos")), int(proto.get("size"))
                # What `tcp contains …` searches reaches to the end of the packet.
                size = len(data) // 2 - at if name in ("eth", "ip", "ipv6", "tcp", "udp") else size
                out.append((name, layer, f"@{at}+{size}"))
            values(layer, proto, kinds, data, out)
            if name == "frame":
                epoch = proto.find(".//field[@name='frame.time_epoch']").get("show")
                out.append(("frame.time", 1, epoch))
        frames.append("\t".join(f"{name}#{layer}={value}" for name, layer, value in out))
    return frames


def main():
    with open(f"{HERE}/list.txt", encoding="utf-8") as file:
        filters = [line for line in file.read().splitlines() if line and not line.startswith("# ")]
    words = {word for text in filters for word in re.findall(r"[A-Za-z_][\w.]*\w", text)} | {"ip", "frame", "frame.time_epoch"}
    kinds, names = {}, {}
    for line in run("tshark", "-G", "fields").splitlines():
        part = line.split("\t")
        if part[0] == "P" and part[2] in words:
            kinds.setdefault(part[2], "FT_PROTOCOL")
        elif part[0] == "F" and part[2] in words:
            kinds.setdefault(part[2], part[3])
    for line in run("tshark", "-G", "values").splitlines():
        part = line.split("\t")
        if len(part) < 4:
            continue
        if part[1] in kinds and part[0] == "V":
            names.setdefault(part[1], []).append((int(part[2], 0), part[3]))
        elif part[1] in kinds and part[0] == "T":
            names[part[1]] = [(1, part[2]), (0, part[3])]
    with open(f"{HERE}/fields.tsv", "w", encoding="utf-8") as out:
        for name, kind in sorted(kinds.items()):
            # The long tables of numbers of others are cut: only what the filters use matters.
            few = [f"{number}={text}" for number, text in names.get(name, []) if len(names[name]) < 40 or number in (6, 17, 0x800)]
            out.write("\t".join([name, kind, *few]) + "\n")
    with tempfile.TemporaryDirectory() as scratch:
        tunnel(f"{scratch}/tunnel.pcap")
        captures = [
            ("mqtt5_qos", f"{ROOT}/fixtures/mqtt5_qos.pcap"),
            ("ipv6", f"{ROOT}/fixtures/lab/ipv6.pcap"),
            ("tunnel", f"{scratch}/tunnel.pcap"),
        ]
        found = [sharkd(path, filters) for _, path in captures]
        with open(f"{HERE}/tshark.tsv", "w", encoding="utf-8") as out:
            out.write("\t".join(["verdict", "filter", *(name for name, _ in captures)]) + "\n")
            for text, *frames in zip(filters, *found):
                shown = ["refuse", text] if frames[0] is None else ["accept", text, *map(ranges, frames)]
                out.write("\t".join(shown) + "\n")
        with open(f"{HERE}/rows.tsv", "w", encoding="utf-8") as out:
            for name, path in captures:
                out.writelines(f"{name}\t{row}\n" for row in rows(path, kinds))


main()
