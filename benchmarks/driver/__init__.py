# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""What benchmarks/compare, benchmarks/demo and benchmarks/applications are made of.

mpi         which MPI there is, and how a job is started with it
transports  the transports that can be compared, by name
tests       what can be measured, and the programs that measure it
rounds      runs transports in interleaved rounds
statistics  medians and paired ratios
report      tables, CSV
plot        pictures, by gnuplot
options     what their command lines have in common

applications  what benchmarks/applications runs, and how it is checked
inputs        what the applications compute
"""
