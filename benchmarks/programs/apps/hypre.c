/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Poisson's equation in a cube by hypre: conjugate gradients with algebraic multigrid, whose coarse
 * grids are hardly more than messages. Slices of the cube lie on the ranks; setup and solution again
 * and again, as where the matrix changes with time.
 */
#include "app.h"

#include <HYPRE.h>
#include <HYPRE_IJ_mv.h>
#include <HYPRE_krylov.h>
#include <HYPRE_parcsr_ls.h>

#include <math.h>

enum { SIDE = 32, ROUNDS = 20, NEIGHBOURS = 6 };

static const int offsets[NEIGHBOURS][3] = {{-1, 0, 0}, {1, 0, 0},  {0, -1, 0},
                                           {0, 1, 0},  {0, 0, -1}, {0, 0, 1}};

/* The matrix is stiffer from round to round. */
static void fill(HYPRE_IJMatrix matrix, HYPRE_BigInt first, HYPRE_BigInt last, double stiffness)
{
    for (HYPRE_BigInt row = first; row <= last; ++row) {
        const int place[3] = {(int) (row % SIDE), (int) (row / SIDE % SIDE),
                              (int) (row / SIDE / SIDE)};
        HYPRE_BigInt columns[NEIGHBOURS + 1] = {row};
        double values[NEIGHBOURS + 1] = {6 + stiffness};
        HYPRE_Int count = 1;
        for (int side = 0; side < NEIGHBOURS; ++side) {
            HYPRE_BigInt column = 0;
            int inside = 1;
            for (int axis = 2; axis >= 0; --axis) {
                int next = place[axis] + offsets[side][axis];
                inside = inside && next >= 0 && next < SIDE;
                column = column * SIDE + next;
            }
            if (inside) {
                columns[count] = column;
                values[count++] = -1;
            }
        }
        HYPRE_IJMatrixSetValues(matrix, 1, &count, &row, columns, values);
    }
    HYPRE_IJMatrixAssemble(matrix);
}

static HYPRE_IJVector vector(HYPRE_BigInt first, HYPRE_BigInt last, double value)
{
    HYPRE_IJVector result;
    HYPRE_IJVectorCreate(MPI_COMM_WORLD, first, last, &result);
    HYPRE_IJVectorSetObjectType(result, HYPRE_PARCSR);
    HYPRE_IJVectorInitialize(result);
    for (HYPRE_BigInt row = first; row <= last; ++row) {
        HYPRE_IJVectorSetValues(result, 1, &row, &value);
    }
    HYPRE_IJVectorAssemble(result);
    return result;
}

/* Returns the iterations that it took. */
static int solve(HYPRE_ParCSRMatrix matrix, HYPRE_ParVector right, HYPRE_ParVector solution,
                 double *error)
{
    HYPRE_Solver gradients;
    HYPRE_Solver multigrid;
    HYPRE_ParCSRPCGCreate(MPI_COMM_WORLD, &gradients);
    HYPRE_PCGSetMaxIter(gradients, 200);
    HYPRE_PCGSetTol(gradients, 1e-9);
    HYPRE_PCGSetTwoNorm(gradients, 1);
    HYPRE_BoomerAMGCreate(&multigrid);
    HYPRE_BoomerAMGSetPrintLevel(multigrid, 0);
    HYPRE_BoomerAMGSetRelaxType(multigrid, 6);
    HYPRE_BoomerAMGSetTol(multigrid, 0);
    HYPRE_BoomerAMGSetMaxIter(multigrid, 1);
    HYPRE_PCGSetPrecond(gradients, (HYPRE_PtrToSolverFcn) HYPRE_BoomerAMGSolve,
                        (HYPRE_PtrToSolverFcn) HYPRE_BoomerAMGSetup, multigrid);
    HYPRE_ParCSRPCGSetup(gradients, matrix, right, solution);
    HYPRE_ParCSRPCGSolve(gradients, matrix, right, solution);
    HYPRE_Int iterations;
    HYPRE_PCGGetNumIterations(gradients, &iterations);
    HYPRE_PCGGetFinalRelativeResidualNorm(gradients, error);
    HYPRE_BoomerAMGDestroy(multigrid);
    HYPRE_ParCSRPCGDestroy(gradients);
    return (int) iterations;
}

int main(int argc, char **argv)
{
    MPI_Init(&argc, &argv);
    HYPRE_Init();
    const int planes_before = SIDE * app_rank() / app_ranks();
    const int planes_up_to = SIDE * (app_rank() + 1) / app_ranks();
    const HYPRE_BigInt first = (HYPRE_BigInt) planes_before * SIDE * SIDE;
    const HYPRE_BigInt last = (HYPRE_BigInt) planes_up_to * SIDE * SIDE - 1;
    int iterations = 0;
    double sum = 0;
    double largest_error = 0;

    double start = app_start();
    for (int round = 0; round < ROUNDS; ++round) {
        HYPRE_IJMatrix matrix;
        HYPRE_IJMatrixCreate(MPI_COMM_WORLD, first, last, first, last, &matrix);
        HYPRE_IJMatrixSetObjectType(matrix, HYPRE_PARCSR);
        HYPRE_IJMatrixInitialize(matrix);
        fill(matrix, first, last, 1e-3 * round);
        HYPRE_IJVector right = vector(first, last, 1.0);
        HYPRE_IJVector solution = vector(first, last, 0.0);
        void *objects[3];
        HYPRE_IJMatrixGetObject(matrix, &objects[0]);
        HYPRE_IJVectorGetObject(right, &objects[1]);
        HYPRE_IJVectorGetObject(solution, &objects[2]);
        double error = 1;
        double product = 0;
        iterations += solve(objects[0], objects[1], objects[2], &error);
        HYPRE_ParVectorInnerProd(objects[1], objects[2], &product);
        app_need(HYPRE_GetError() == 0, "hypre");
        largest_error = fmax(largest_error, error);
        sum += product;
        HYPRE_IJVectorDestroy(solution);
        HYPRE_IJVectorDestroy(right);
        HYPRE_IJMatrixDestroy(matrix);
    }
    app_print_seconds(start);
    app_print("iterations", iterations);
    app_print("sum", sum);
    app_print("error", largest_error);
    HYPRE_Finalize();
    MPI_Finalize();
    return 0;
}
