#!/usr/bin/env python3
"""Distils the sizes of objects from a recorded kmtrace (version 1, enc var1).

distil_sizes.py TRACE.slab.kmv > workloads/data/NAME.sizes

Every allocation of the recording counts once, of kmalloc and of named caches
alike, by the bytes that were asked for; objects that were already there when it
began (the prologue) do not. Output: C, one SIZE(bytes, allocations) a line.
"""
import collections
import hashlib
import sys


def varint(data, at):
    """The LEB128 number at `at`, and where the next one begins."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def parse_header(text):
    """Keys of the header, and the bytes that each class asks for."""
    keys, size = {}, {}
    for line in text.splitlines():
        key, _, rest = line.lstrip("#").partition(" ")
        if key == "class":
            number, *pairs = rest.split()
            fields = dict(p.split("=", 1) for p in pairs)
            size[int(number)] = int(fields["req"])
        else:
            keys[key] = rest
    return keys, size


def count_sizes(body, prologue, size):
    """Allocations by size, behind the prologue."""
    counts = collections.Counter()
    at = event = 0
    while at < len(body):
        tag, at = varint(body, at)
        _, at = varint(body, at)
        argument, at = varint(body, at)
        if tag & 3 == 0 and event >= prologue:
            counts[size[argument]] += 1
        event += 1
    return counts


def main():
    """Reads argv[1], prints."""
    if len(sys.argv) != 2:
        sys.exit("usage: distil_sizes.py TRACE.slab.kmv")
    with open(sys.argv[1], "rb") as trace:
        data = trace.read()
    head, _, body = data.partition(b"#data\n")
    keys, size = parse_header(head.decode())
    if keys.get("kind") != "slab" or keys.get("enc") != "var1":
        sys.exit("distil_sizes.py: expected kind slab, enc var1")
    counts = count_sizes(body, int(keys["prologue"]), size)
    print("/*")
    print(f" * Sizes of objects: {keys['name']}, {keys['source']},")
    print(f" * {sum(counts.values())} allocations.")
    print(f" * Made by scripts/distil_sizes.py from a trace with md5")
    print(f" * {hashlib.md5(data).hexdigest()}.")
    print(" */")
    for nbytes, n in sorted(counts.items()):
        print(f"SIZE({nbytes}, {n})")


main()
