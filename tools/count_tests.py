#!/usr/bin/env python3
"""Prints how many test cases passed, failed and were skipped in runs of `bazel test`.

usage: count_tests.py FILE..., where each FILE is what --build_event_json_file wrote.
"""
import json
import sys
import urllib.parse
import xml.etree.ElementTree

counts = {"passed": 0, "failed": 0, "skipped": 0}
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as events:
        report = [json.loads(line) for line in events]
    for event in report:
        result = event.get("testResult", {})
        reports = [o["uri"] for o in result.get("testActionOutput", []) if o["name"] == "test.xml"]
        cases = []
        for uri in reports:
            log = urllib.parse.unquote(urllib.parse.urlparse(uri).path)
            cases += xml.etree.ElementTree.parse(log).iter("testcase")
        kinds = []
        for case in cases:
            if case.find("failure") is not None or case.find("error") is not None:
                kinds.append("failed")
            elif case.find("skipped") is not None or case.get("status") == "notrun":
                kinds.append("skipped")
            else:
                kinds.append("passed")
        # A program that died or ran out of time says so only here.
        if result and result.get("status") not in ("PASSED", "FLAKY") and "failed" not in kinds:
            kinds.append("failed")
        for kind in kinds:
            counts[kind] += 1
print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
sys.exit(1 if counts["failed"] or not counts["passed"] else 0)
