// SPDX-License-Identifier: GPL-3.0-or-later
public import ControlAPI
public import HostIO

extension PCINames: PCINameSource {}
