# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""How segmsg scales between hosts: figures out of the sources, and a simulation."""
