#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `lspci -Dvvv` on standard input says of each function, a line a fact: ADDRESS KEY VALUE, as inventory-checks.sh
asks Buslane for it. For python3-minimal."""
import re
import sys

PORTS = (
    ("Legacy Endpoint", "legacy-endpoint"), ("Root Complex Integrated Endpoint", "root-complex-integrated-endpoint"),
    ("Root Complex Event Collector", "root-complex-event-collector"), ("Endpoint", "endpoint"), ("Root Port", "root-port"),
    ("Upstream Port", "upstream-port"), ("Downstream Port", "downstream-port"),
    ("PCI-Express to PCI/PCI-X Bridge", "pcie-to-pci-bridge"), ("PCI/PCI-X to PCI-Express Bridge", "pci-to-pcie-bridge"),
)
CONTROLS = (
    ("SrcValid", "source-validation"), ("TransBlk", "translation-blocking"), ("ReqRedir", "request-redirect"),
    ("CmpltRedir", "completion-redirect"), ("UpstreamFwd", "upstream-forwarding"), ("EgressCtrl", "egress-control"),
    ("DirectTrans", "direct-translated"),
)
EXTENDED = (
    ("sriov", "Single Root I/O Virtualization"), ("ari", "Alternative Routing-ID Interpretation"),
    ("ats", "Address Translation Service"), ("pasid", "Process Address Space ID"), ("acs", "Access Control Services"),
)


def found(pattern, text, default="null"):
    match = re.search(pattern, text)
    return match.group(1) if match else default


def port(text):
    kind = found(r"Express \(v\d\) (.*)", text, "")
    return next((ours for theirs, ours in PORTS if kind.startswith(theirs)), "null")


def controls(text, line):
    flags = found(line + r":\s*(.*)", text, "")
    return ",".join(ours for theirs, ours in CONTROLS if theirs + "+" in flags) or "-"


def link(text, line):
    speed = found(line + r":.*?Speed ([0-9.]+)GT/s", text)
    width = found(line + r":.*?Width x([0-9]+)", text)
    return speed, "null" if width == "0" else width


def facts(text):
    yield "port", port(text)
    yield "flr", str("FLReset+" in text or "FLR+" in found(r"AFCap:(.*)", text, "")).lower()
    yield "msix", found(r"MSI-X: Enable. Count=(\d+)", text)
    for key, name in EXTENDED:
        yield key, str(name in text).lower()
    yield "acs-supported", controls(text, "ACSCap")
    yield "acs-enabled", controls(text, "ACSCtl")
    yield "link", " ".join((*link(text, "LnkSta"), *link(text, "LnkCap")))
    yield "vfs", " ".join((
        found(r"Number of VFs: (\d+)", text), found(r"VF offset: (\d+)", text),
        found(r"stride: (\d+)", text), found(r"stride: \d+, Device ID: ([0-9a-f]+)", text)))


for block in sys.stdin.read().strip().split("\n\n"):
    address = block.split(" ", 1)[0]
    for key, value in facts(block):
        print(address, key, value)
