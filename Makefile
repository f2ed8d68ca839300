# OTP-Pi. `make` alone prints what there is.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON := .venv/bin/python
export OTPPI_HOME ?= $(CURDIR)/run

.PHONY: help setup run test fuzz lint format bench soak test-debian13 system-test deb image image-debian boot-test image-long clean

help:  ## what there is
	@echo "OTP-Pi: one-time passwords by SMS, from a Raspberry Pi of your own"; echo
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: .venv/ready  ## the Python environment in .venv, system packages included

# The pages' style sheet and scripts come with it.
.venv/ready: pyproject.toml package-lock.json scripts/setup scripts/web-assets
	@scripts/setup

run: .venv/ready  ## the whole gateway with four simulated modems; MODEM=/dev/ttyUSB0 takes a real one
	@$(PYTHON) -m app try $(if $(MODEM),--modem $(MODEM))

test: .venv/ready  ## all tests, the fast ones first
	@scripts/setup test
	@status=0; $(PYTHON) -m pytest -n 2 --dist loadfile || status=$$?; \
	(cd publisher && ../$(PYTHON) -m pytest) || status=$$?; exit $$status

fuzz: .venv/ready  ## a million generated inputs for the codecs and parsers (takes a while)
	@scripts/setup test
	OTPPI_FUZZ=1 $(PYTHON) -m pytest -m fuzz

lint: .venv/ready  ## ruff, mypy, shellcheck
	@scripts/setup lint
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	cd publisher && ../.venv/bin/mypy
	git ls-files -z | xargs -0 grep -lZE '^#!/bin/(ba)?sh' -- | xargs -0 -r shellcheck -x

format: .venv/ready  ## put the code into its usual form
	@scripts/setup lint
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: .venv/ready  ## speed and memory, measured against simulated modems in another process
	$(PYTHON) -m bench

soak: .venv/ready  ## 64 simulated modems plugged and unplugged at random under load, for ten minutes
	$(PYTHON) -m bench.soak

test-debian13: .venv/ready  ## the tests on Python 3.13 and the library versions of Debian 13 (root)
	@scripts/host-packages root
	scripts/test-debian13

system-test: .venv/ready  ## the package on a booted Debian 13: network, firewall, stick, faults (root)
	@scripts/setup test
	@scripts/host-packages system
	scripts/system-test

deb:  ## the Debian package, in dist/
	@scripts/host-packages deb
	@scripts/build-deb

image:  ## the flashable image, by pi-gen (docker, or natively as root)
	scripts/build-image

image-debian:  ## the same stage on a Debian base, for the emulator (root)
	@scripts/host-packages image
	scripts/build-deb
	scripts/run-stages build/image/rootfs image/stage-base image/stage-otppi
	scripts/pack-image --release build/image/rootfs build/image/otp-pi.img

boot-test:  ## build that image, boot it in the emulator and use it (root)
	@scripts/setup boot
	@scripts/host-packages image
	scripts/boot-test

image-long: boot-test  ## after it twenty power cuts, figures of the start, other ways to update, pi-gen's runner (root)
	@scripts/host-packages pi-gen
	OTPPI_CUTS=20 scripts/boot-test -k power_cut
	scripts/boot-figures
	scripts/study-test
	scripts/try-pi-gen

clean:  ## forget .venv, ./run and what was built
	rm -rf .venv run build dist .pytest_cache .mypy_cache .ruff_cache
