#!/usr/bin/env python3
"""Fails when a *_test.cpp or *_fuzz.cpp is named by no CMakeLists.txt under tests/.

usage: check_tests_listed.py [ROOT]
"""
import pathlib
import sys


def main(root):
    tests = root / "tests"
    listed = "\n".join(p.read_text(encoding="utf-8") for p in tests.rglob("CMakeLists.txt"))
    words = set(listed.replace("(", " ").replace(")", " ").split())
    names = sorted([*tests.rglob("*_test.cpp"), *tests.rglob("*_fuzz.cpp")])
    forgotten = [str(p.relative_to(root)) for p in names
                 if p.name not in words and p.stem not in words]
    for name in forgotten:
        print(f"{name}: no CMakeLists.txt under tests/ lists it")
    if not forgotten:
        print(f"check_tests_listed: all {len(names)} test sources are listed")
    return bool(forgotten)


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
