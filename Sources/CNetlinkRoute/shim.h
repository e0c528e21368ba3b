// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once
#include <netlink/netlink.h>
#include <netlink/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/sriov.h>
#include <linux/if_link.h>
