// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <systemd/sd-bus.h>
#include <systemd/sd-daemon.h>
