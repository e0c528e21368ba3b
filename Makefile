# SPDX-License-Identifier: GPL-3.0-or-later
# `make` without a target lists the targets.

PREFIX  ?= /usr/local
DESTDIR ?=
SBINDIR  = $(PREFIX)/sbin
BUILT    = .build/release
STAGE    = .build/stage
SOURCES  = Package.swift Sources Tests

.PHONY: help demo test bench build benchmark-build check format install lab clean setup stage

help:
	@echo "make demo     the main job from start to end, on an emulated host with SR-IOV cards"
	@echo "make test     every test: units, simulator, libvirt's test driver, the emulated host; prints the time of each part"
	@echo "make bench    Buslane beside lspci, driverctl and DPDK's script, on synthetic hosts of up to 16,000 functions"
	@echo "make build    buslaned, buslane and the hook, in .build/release"
	@echo "make check    the formatting, and a debug build with every warning an error"
	@echo "make format   formats the sources"
	@echo "make install  into DESTDIR and PREFIX (default /usr/local), with the unit, the hook and the rules"
	@echo "make lab      a root shell in the emulated host, with Buslane installed"
	@echo "make clean    removes .build; the emulated host's image stays in your cache folder"

setup:
	@tools/setup

build: setup
	@echo "Building in release mode: several minutes the first time"
	swift build -c release --static-swift-stdlib --product buslaned
	swift build -c release --static-swift-stdlib --product buslane
	swift build -c release --static-swift-stdlib --product buslane-hook

benchmark-build:
	swift build -c release --static-swift-stdlib --product planning-benchmark

check: setup
	swift format lint --strict --recursive $(SOURCES)
	swift build --build-tests

format:
	swift format --in-place --recursive $(SOURCES)

test: setup
	@tools/test

bench: build benchmark-build stage
	@tools/setup Benchmarks/packages
	@Benchmarks/run --write

demo: build stage
	@Tests/EndToEnd/lab run Tests/EndToEnd/scenarios/demo.sh --stage $(STAGE)

lab: build stage
	@Tests/EndToEnd/lab shell --stage $(STAGE)

# The files that the emulated host copies over its root.
stage:
	@rm -rf $(STAGE)
	@$(MAKE) --no-print-directory install DESTDIR=$(CURDIR)/$(STAGE) PREFIX=/usr >/dev/null

# libvirt looks for hooks only in this folder. Packages leave that to `buslane hook install`, which copies the hook
# from libexec.
install:
	install -s -D -m 0755 $(BUILT)/buslaned     $(DESTDIR)$(SBINDIR)/buslaned
	install -s -D -m 0755 $(BUILT)/buslane      $(DESTDIR)$(PREFIX)/bin/buslane
	install -s -D -m 0755 $(BUILT)/buslane-hook $(DESTDIR)$(PREFIX)/libexec/buslane/buslane-hook
	install -D -m 0755 $(DESTDIR)$(PREFIX)/libexec/buslane/buslane-hook $(DESTDIR)/etc/libvirt/hooks/qemu.d/50-buslane
	install -D -m 0644 udev/60-buslane.rules $(DESTDIR)/usr/lib/udev/rules.d/60-buslane.rules
	install -D -m 0644 systemd/buslane.sysusers $(DESTDIR)/usr/lib/sysusers.d/buslane.conf
	install -D -m 0644 systemd/buslane.tmpfiles $(DESTDIR)/usr/lib/tmpfiles.d/buslane.conf
	install -d -m 0755 $(DESTDIR)/usr/lib/systemd/system $(DESTDIR)/etc/buslane/conf.d
	sed 's|@sbindir@|$(SBINDIR)|' systemd/buslaned.service > $(DESTDIR)/usr/lib/systemd/system/buslaned.service
	$(BUILT)/buslane --generate-completion-script bash > .build/buslane.bash
	$(BUILT)/buslane --generate-completion-script zsh > .build/_buslane
	$(BUILT)/buslane --generate-completion-script fish > .build/buslane.fish
	install -D -m 0644 .build/buslane.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/buslane
	install -D -m 0644 .build/_buslane     $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_buslane
	install -D -m 0644 .build/buslane.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/buslane.fish

clean:
	rm -rf .build
