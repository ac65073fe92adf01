#!/usr/bin/env python3
# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""Conjugate gradients for Poisson's equation in a square, with numpy and mpi4py.

Strips of the square lie on the ranks. An iteration exchanges their edges and adds up two numbers.
"""

import numpy
from mpi4py import MPI

SIDE = 512
ITERATIONS = 10000
TOLERANCE = 1e-10

world = MPI.COMM_WORLD
rank, ranks = world.rank, world.size
rows = SIDE * (rank + 1) // ranks - SIDE * rank // ranks
UP = rank - 1 if rank > 0 else MPI.PROC_NULL
DOWN = rank + 1 if rank + 1 < ranks else MPI.PROC_NULL


def exchange(field):
    """Brings the neighbours' edges into the rows around our own."""
    world.Sendrecv(field[1], dest=UP, recvbuf=field[-1], source=DOWN)
    world.Sendrecv(field[-2], dest=DOWN, recvbuf=field[0], source=UP)


def product(one, other):
    """The scalar product over all ranks."""
    return world.allreduce(float(numpy.vdot(one, other)))


def operator(field, result):
    """The five-point operator, with zeros around the square."""
    exchange(field)
    numpy.multiply(field[1:-1, 1:-1], 4, out=result)
    result -= field[:-2, 1:-1]
    result -= field[2:, 1:-1]
    result -= field[1:-1, :-2]
    result -= field[1:-1, 2:]


def main():
    """Solves, and prints what came out."""
    solution = numpy.zeros((rows + 2, SIDE + 2))
    direction = numpy.zeros_like(solution)
    rest = numpy.ones((rows, SIDE))
    image = numpy.empty_like(rest)
    inner = (slice(1, -1), slice(1, -1))
    direction[inner] = rest
    square = first = product(rest, rest)
    iterations = 0
    world.Barrier()
    start = MPI.Wtime()
    while square > TOLERANCE**2 * first and iterations < ITERATIONS:
        operator(direction, image)
        step = square / product(direction[inner], image)
        solution[inner] += step * direction[inner]
        rest -= step * image
        before, square = square, product(rest, rest)
        direction[inner] *= square / before
        direction[inner] += rest
        iterations += 1
    seconds = world.allreduce(MPI.Wtime() - start, op=MPI.MAX)
    operator(solution, image)
    error = (product(image - 1, image - 1) / first) ** 0.5
    norm = product(solution[inner], solution[inner]) ** 0.5
    if rank == 0:
        print(f"seconds {seconds:.6f}")
        print(f"iterations {iterations}")
        print(f"norm {norm:.12e}")
        print(f"error {error:.12e}")


main()
