#!/usr/bin/env python3
"""Writes inputs for the fuzz targets, made from the fixtures and tests of this repository: seeds.py DIRECTORY [CAPTURE...]

Captures that are named are taken besides the fixtures. What comes out is for `explore -merge=1`, which keeps the few that
reach something that the others do not.
"""

import hashlib
import pathlib
import random
import re
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PORTS = [53, 67, 68, 69, 123, 137, 161, 514, 1900, 4011, 5353, 5355, 5683, 7000, 40_000, 50_000]
LINKS = [1, 1, 1, 0, 9, 50, 51, 101, 101, 105, 108, 113, 127, 228, 229, 231, 239, 276]


def frames(data):
    """The frames of a pcap file of either byte order, with its link type."""
    for order in "<>":
        if len(data) >= 24 and struct.unpack(order + "I", data[:4])[0] in (0xA1B2C3D4, 0xA1B23C4D):
            link = struct.unpack(order + "I", data[20:24])[0] & 0xFFFF
            at = 24
            while at + 16 <= len(data):
                length = struct.unpack(order + "I", data[at + 8 : at + 12])[0]
                yield link, data[at + 16 : at + 16 + length]
                at += 16 + length


def streams(data):
    """The payloads of each direction of each connection, as they were captured."""
    found = {}
    for link, frame in frames(data):
        packet = frame[14:] if link == 1 and frame[12:14] == b"\x08\x00" else frame if link == 101 else b""
        if len(packet) < 40 or packet[0] != 0x45 or packet[9] != 6:
            continue
        total = struct.unpack(">H", packet[2:4])[0]
        segment = packet[20:total]
        payload = segment[(segment[12] >> 4) * 4 :]
        if payload:
            key = packet[12:20] + segment[:4]
            found[key] = found.get(key, b"") + payload
    return found.values()


def turns(data):
    """What both ends of the first connection send in turn, in the form of the target `conversation`."""
    first, out = None, b""
    for link, frame in frames(data):
        packet = frame[14:] if link == 1 and frame[12:14] == b"\x08\x00" else frame if link == 101 else b""
        if len(packet) < 40 or packet[0] != 0x45 or packet[9] != 6:
            continue
        segment = packet[20 : struct.unpack(">H", packet[2:4])[0]]
        payload = segment[(segment[12] >> 4) * 4 :]
        ends = (packet[12:16] + segment[:2], packet[16:20] + segment[2:4])
        first = first or ends
        if payload and ends in (first, first[::-1]):
            out += struct.pack(">H", len(payload) | (0 if ends == first else 0x8000)) + payload
    return out


def sensors(data):
    """The datagrams of a capture, in the form of the target `sensors`."""
    first, out = None, b""
    for link, frame in frames(data):
        packet = frame[14:] if link == 1 and frame[12:14] == b"\x08\x00" else frame if link == 101 else b""
        if len(packet) < 28 or packet[0] != 0x45 or packet[9] != 17:
            continue
        payload = packet[28 : struct.unpack(">H", packet[2:4])[0]]
        ends = (packet[12:16] + packet[20:22], packet[16:20] + packet[22:24])
        first = first or ends
        if len(payload) < 0x800:
            out += struct.pack(">H", len(payload) | (0 if ends[0] == first[0] else 0x8000)) + b"\0" + payload
    return out


def datagrams(data):
    """The ports and payloads of UDP over IPv4."""
    for link, frame in frames(data):
        packet = frame[14:] if link == 1 and frame[12:14] == b"\x08\x00" else b""
        if len(packet) >= 28 and packet[0] == 0x45 and packet[9] == 17:
            yield struct.unpack(">HH", packet[20:24]), packet[28 : struct.unpack(">H", packet[2:4])[0]]


def main():
    out = pathlib.Path(sys.argv[1])
    captures = [path for path in ROOT.glob("fixtures/**/*.pcap*")] + [pathlib.Path(name) for name in sys.argv[2:]]
    captures = sorted(path for path in captures if path.is_file() and path.stat().st_size <= 65536)

    def put(target, data):
        directory = out / target
        directory.mkdir(parents=True, exist_ok=True)
        (directory / hashlib.sha1(data).hexdigest()[:16]).write_bytes(data)

    for path in captures:
        data = path.read_bytes()
        put("capture", data)
        put("file", data)
        if len(data) <= 16384:
            put("redact", data)
        keys = path.with_suffix(".keys")
        log = keys.read_bytes() if keys.is_file() else b""
        kinds = [0, 1, 2, 5, 6] if path.parent.name in ("tls", "websocket") else [0]
        for choices in kinds if turns(data) else []:
            put("conversation", (bytes([choices, 77]) + struct.pack(">H", len(log)) + log + turns(data))[:16384])
        if sensors(data):
            put("sensors", (b"\0" + sensors(data))[:4096])
        some = bytearray([0])
        for link, frame in frames(data):
            if link in LINKS and len(some) + len(frame) < 3000:
                some += bytes([LINKS.index(link)]) + struct.pack(">H", len(frame) % 1600) + b"\0" + frame
        put("frame", bytes(some))
        script = b""
        for ports, payload in datagrams(data):
            if any(port in PORTS for port in ports) and len(payload) <= 600:
                ends = bytes(PORTS.index(port) if port in PORTS else 14 for port in ports)
                script += ends + struct.pack(">H", len(payload)) + b"\0" + payload
            if len(script) > 2000:
                put("neighbours", script)
                script = b""
        if script:
            put("neighbours", script)
        for stream in streams(data):
            for choices in (0, 1, 2, 3):
                put("streams", bytes([len(stream) % 12, len(stream) % 200, 3, 7, 40]) + stream[:8000])
                put("mqtt", bytes([choices, len(stream) % 251]) + stream[:8000])
    for line in (ROOT / "tests/filters/used.txt").read_text().splitlines():
        put("filter", line.encode())
    texts = [path.read_text() for path in [*ROOT.glob("docs/*.md"), *ROOT.glob("src/assertions/*.rs"), *ROOT.glob("tests/*.rs")]]
    for text in texts:
        for block in re.findall(r"(?:```toml\n|r#\")(.*?)(?:```|\"#)", text, re.S):
            if "assert" in block or "[rules]" in block or "[limits]" in block:
                put("assertions", block.encode())
        for found in re.findall(r"--filter '([^']+)'", text):
            put("filter", found.encode())
    values = ["\x001883=mqtt", "\x0010-20", "\x001.5m", "\x00bytes:desc", "\x01keepalive_long_s=10", "\x03a/+/#\0a/b/c"]
    values += ["\x03$share/g/a/+\0a/b", "\x02{\"id\":\"x\",\"count\":1}", "\x05lab/s1/q0"]
    for value in values:
        put("values", value.encode())
    put("values", b"\x04" + bytes([8, 1, 18, 9, 10, 3]) + b"abc" + bytes([16, 1, 32, 3, 24, 1]))
    chance = random.Random(1)
    for length in [8, 20, 60, 150, 400, 1000] * 10:
        script = bytes([chance.randrange(128), chance.randrange(256), 0, 0, 1, 0, 0])
        put("engine", script + bytes(chance.randrange(256) for _ in range(length)))
        put("redact", script + bytes(chance.randrange(256) for _ in range(length)))


main()
