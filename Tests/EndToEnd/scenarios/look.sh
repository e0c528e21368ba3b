#!/usr/bin/env bash
systemd-analyze time; systemd-analyze blame | head -15
lspci -Dnnk; for d in /sys/bus/pci/devices/*; do echo "${d##*/} numa=$(cat $d/numa_node) group=$(basename $(readlink $d/iommu_group)) drv=$(basename $(readlink $d/driver 2>/dev/null) 2>/dev/null)"; done
ip -br link; lsmod | head -50; systemctl --failed; free -m
ls -la /lab-out; systemctl is-system-running
