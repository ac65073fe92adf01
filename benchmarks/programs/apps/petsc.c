/*
 * Copyright (c) 2026 The segmsg authors
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * Implicit steps of the heat equation in a cube by PETSc: a distributed grid, and for every step
 * conjugate gradients with a block preconditioner. An iteration exchanges the faces of the ranks'
 * parts and adds up a few numbers.
 */
#include "app.h"

#include <petscdmda.h>
#include <petscksp.h>

enum { SIDE = 32, STEPS = 200 };

static const double time_step = 0.05; /* in units of the square of the grid's spacing, times SIDE */

static PetscErrorCode fill_matrix(DM grid, Mat matrix)
{
    DMDALocalInfo part;
    PetscFunctionBeginUser;
    PetscCall(DMDAGetLocalInfo(grid, &part));
    const double share = time_step * SIDE;
    for (PetscInt k = part.zs; k < part.zs + part.zm; ++k) {
        for (PetscInt j = part.ys; j < part.ys + part.ym; ++j) {
            for (PetscInt i = part.xs; i < part.xs + part.xm; ++i) {
                const MatStencil self = {.i = i, .j = j, .k = k};
                const MatStencil around[] = {
                    {.i = i - 1, .j = j, .k = k}, {.i = i + 1, .j = j, .k = k},
                    {.i = i, .j = j - 1, .k = k}, {.i = i, .j = j + 1, .k = k},
                    {.i = i, .j = j, .k = k - 1}, {.i = i, .j = j, .k = k + 1},
                };
                const PetscScalar diagonal = 1 + 6 * share;
                PetscCall(
                    MatSetValuesStencil(matrix, 1, &self, 1, &self, &diagonal, INSERT_VALUES));
                for (int side = 0; side < 6; ++side) {
                    const MatStencil *next = &around[side];
                    /* Outside it is as cold as can be. */
                    if (next->i >= 0 && next->i < SIDE && next->j >= 0 && next->j < SIDE
                        && next->k >= 0 && next->k < SIDE) {
                        const PetscScalar value = -share;
                        PetscCall(
                            MatSetValuesStencil(matrix, 1, &self, 1, next, &value, INSERT_VALUES));
                    }
                }
            }
        }
    }
    PetscCall(MatAssemblyBegin(matrix, MAT_FINAL_ASSEMBLY));
    PetscCall(MatAssemblyEnd(matrix, MAT_FINAL_ASSEMBLY));
    PetscFunctionReturn(0);
}

static PetscErrorCode run(void)
{
    DM grid;
    Mat matrix;
    Vec heat;
    Vec next;
    Vec rest;
    KSP solver;
    PC preconditioner;
    PetscFunctionBeginUser;
    PetscCall(DMDACreate3d(PETSC_COMM_WORLD, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE, DM_BOUNDARY_NONE,
                           DMDA_STENCIL_STAR, SIDE, SIDE, SIDE, PETSC_DECIDE, PETSC_DECIDE,
                           PETSC_DECIDE, 1, 1, NULL, NULL, NULL, &grid));
    PetscCall(DMSetUp(grid));
    PetscCall(DMCreateMatrix(grid, &matrix));
    PetscCall(fill_matrix(grid, matrix));
    PetscCall(DMCreateGlobalVector(grid, &heat));
    PetscCall(VecDuplicate(heat, &next));
    PetscCall(VecDuplicate(heat, &rest));
    PetscCall(VecSet(heat, 1));
    PetscCall(KSPCreate(PETSC_COMM_WORLD, &solver));
    PetscCall(KSPSetOperators(solver, matrix, matrix));
    PetscCall(KSPSetType(solver, KSPCG));
    PetscCall(KSPGetPC(solver, &preconditioner));
    PetscCall(PCSetType(preconditioner, PCBJACOBI));
    PetscCall(KSPSetTolerances(solver, 1e-9, PETSC_DEFAULT, PETSC_DEFAULT, 1000));
    PetscCall(KSPSetUp(solver));

    PetscInt iterations = 0;
    PetscReal norm = 0;
    PetscReal error = 0;
    double start = app_start();
    for (int step = 0; step < STEPS; ++step) {
        PetscInt count;
        KSPConvergedReason reason;
        PetscCall(KSPSolve(solver, heat, next));
        PetscCall(KSPGetConvergedReason(solver, &reason));
        app_need(reason > 0, "convergence");
        PetscCall(KSPGetIterationNumber(solver, &count));
        iterations += count;
        PetscCall(MatMult(matrix, next, rest));
        PetscCall(VecAXPY(rest, -1, heat));
        PetscCall(VecNorm(heat, NORM_2, &norm));
        PetscCall(VecNorm(rest, NORM_2, &error));
        PetscCall(VecCopy(next, heat));
    }
    app_print_seconds(start);
    app_print("iterations", (double) iterations);
    app_print("norm", norm);
    app_print("error", error / norm);
    PetscCall(KSPDestroy(&solver));
    PetscCall(VecDestroy(&rest));
    PetscCall(VecDestroy(&next));
    PetscCall(VecDestroy(&heat));
    PetscCall(MatDestroy(&matrix));
    PetscCall(DMDestroy(&grid));
    PetscFunctionReturn(0);
}

int main(int argc, char **argv)
{
    PetscCall(PetscInitialize(&argc, &argv, NULL, NULL));
    PetscCall(run());
    PetscCall(PetscFinalize());
    return 0;
}
