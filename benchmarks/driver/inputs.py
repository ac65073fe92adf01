# Copyright (c) 2026 The segmsg authors
# SPDX-License-Identifier: BSD-3-Clause
"""The inputs of benchmarks/applications: what each file is called and what is in it.

All are small for two ranks, so that these communicate as often as many do on a problem of their
size.
"""

from __future__ import annotations

from pathlib import Path

Files = dict[str, str]

# Pseudopotentials of silicon, as the packages of the applications bring them.
PW_PSEUDO = Path("/usr/share/espresso/pseudo/Si.pz-vbc.UPF")
ABINIT_PSEUDO = Path("/usr/share/abinit/psp/14si.pspnc")
# Where OpenFOAM's package has what it always reads.
FOAM_PROJECT = Path("/usr/share/openfoam")

LAMMPS_LJ = """\
units lj
atom_style atomic
lattice fcc 0.8442
region box block 0 10 0 10 0 10
create_box 1 box
create_atoms 1 box
mass 1 1.0
velocity all create 1.44 87287 loop geom
pair_style lj/cut 2.5
pair_coeff 1 1 1.0 1.0 2.5
neighbor 0.3 bin
neigh_modify delay 0 every 20 check no
fix 1 all nve
thermo 100
run 3000
"""

LAMMPS_WATER = """\
units real
atom_style full
read_data water.data
pair_style lj/cut/coul/long 9.0
pair_coeff * * 0.0 0.0
pair_coeff 1 1 0.1553 3.166
bond_style harmonic
bond_coeff 1 1000.0 1.0
angle_style harmonic
angle_coeff 1 100.0 109.47
kspace_style pppm 1.0e-4
neighbor 2.0 bin
neigh_modify delay 0 every 10 check no
thermo 50
minimize 1.0e-4 1.0e-4 40 200
reset_timestep 0
velocity all create 300.0 4711 loop geom
fix rigid all shake 1.0e-6 100 0 b 1 a 1
fix 1 all nvt temp 300.0 300.0 100.0
timestep 1.0
run 250
"""

# Of SPC/E water: where the hydrogens are beside the oxygen, in angstroms.
WATER_HYDROGENS = ((0.8165, 0.5774), (-0.8165, 0.5774))


def lammps_lj(_ranks: int) -> Files:
    """A Lennard-Jones liquid of 4000 atoms."""
    return {"in.lj": LAMMPS_LJ}


def lammps_water(_ranks: int) -> Files:
    """1000 molecules of SPC/E water on a grid, with long-range forces by FFT."""
    side, spacing = 10, 3.105
    count = side**3
    atoms, bonds, angles = [], [], []
    for number in range(count):
        x, y, z = (spacing * (number // side**power % side) for power in range(3))
        oxygen = 3 * number + 1
        places = [(1, -0.8476, x, y)]
        # Neighbours look the other way, or all dipoles would be parallel.
        turn = 1 if (number + number // side + number // side**2) % 2 else -1
        places += [(2, 0.4238, x + dx, y + turn * dy) for dx, dy in WATER_HYDROGENS]
        for offset, (kind, charge, at_x, at_y) in enumerate(places):
            place = f"{at_x:.4f} {at_y:.4f} {z:.4f}"
            atoms.append(f"{oxygen + offset} {number + 1} {kind} {charge} {place}")
        bonds += [f"{2 * number + i} 1 {oxygen} {oxygen + i}" for i in (1, 2)]
        angles.append(f"{number + 1} 1 {oxygen + 1} {oxygen} {oxygen + 2}")
    counts = {"atoms": len(atoms), "bonds": len(bonds), "angles": len(angles)}
    lines = ["water", "", *(f"{value} {what}" for what, value in counts.items())]
    lines += ["2 atom types", "1 bond types", "1 angle types", ""]
    lines += [f"0 {side * spacing} {axis}lo {axis}hi" for axis in "xyz"]
    for title, block in (
        ("Masses", ["1 15.9994", "2 1.008"]),
        ("Atoms # full", atoms),
        ("Bonds", bonds),
        ("Angles", angles),
    ):
        lines += ["", title, "", *block]
    return {"in.water": LAMMPS_WATER, "water.data": "\n".join(lines) + "\n"}


NWCHEM = """\
start water
echo
memory total 800 mb
geometry units angstroms noautosym nocenter
{atoms}end
basis spherical
  * library 6-31g**
end
dft
  xc b3lyp
  direct
  convergence energy 1e-8
  iterations 60
  noprint "final vectors analysis"
end
task dft gradient
"""


def _water_molecules(count: int, indent: str = "  ") -> str:
    """Lines with the atoms of so many water molecules in a row, 2.9 angstroms apart."""
    lines = []
    for number in range(count):
        y, z = 2.9 * number, 0.5 * (number % 2)
        lines += [
            f"O 0.0 {y:.3f} {z:.3f}",
            f"H 0.0 {y + 0.95:.3f} {z + 0.1:.3f}",
            f"H 0.92 {y - 0.24:.3f} {z:.3f}",
        ]
    return "".join(f"{indent}{line}\n" for line in lines)


def nwchem(_ranks: int) -> Files:
    """Density functional theory of a chain of water molecules."""
    return {"water.nw": NWCHEM.format(atoms=_water_molecules(3))}


PW = """\
&control
  calculation = 'scf', prefix = 'si', outdir = './out', pseudo_dir = '{pseudo}'
  disk_io = 'none', tprnfor = .true., tstress = .true.
/
&system
  ibrav = 1, celldm(1) = 10.2, nat = 8, ntyp = 1, ecutwfc = 30.0
/
&electrons
  conv_thr = 1.0d-9, mixing_beta = 0.7, diago_david_ndim = 4
  startingwfc = 'atomic'
/
ATOMIC_SPECIES
  Si 28.086 Si.pz-vbc.UPF
ATOMIC_POSITIONS crystal
{atoms}K_POINTS automatic
  2 2 2 1 1 1
"""

DIAMOND = (
    (0.0, 0.0, 0.0),
    (0.0, 0.5, 0.5),
    (0.5, 0.0, 0.5),
    (0.5, 0.5, 0.0),
    (0.25, 0.25, 0.25),
    (0.25, 0.75, 0.75),
    (0.75, 0.25, 0.75),
    (0.75, 0.75, 0.25),
)


def _diamond(prefix: str) -> str:
    """Lines with the atoms of a cubic cell, one moved, so that fewer k-points are alike."""
    moved = ((0.02, 0.01, 0.0), *DIAMOND[1:])
    return "".join(f"{prefix}{x} {y} {z}\n" for x, y, z in moved)


def pw(_ranks: int) -> Files:
    """Eight atoms of silicon in plane waves, which all ranks share."""
    return {"pw.in": PW.format(pseudo=PW_PSEUDO.parent, atoms=_diamond("  Si "))}


ABINIT = """\
pseudos "{pseudo}"
ntypat 1 znucl 14 natom 8 typat 8*1
acell 3*10.2 rprim 1 0 0  0 1 0  0 0 1
xred
{atoms}ecut 14
ngkpt 1 1 1 nshiftk 1 shiftk 0.25 0.25 0.25
nband 24
nstep 20 toldfe 1.0d-9
paral_kgb 1 npkpt 1 npband {ranks} npfft 1 bandpp 2
iomode 0 prtden 0 prtwf 0 prteig 0 prtgsr 0 prtebands 0
"""


def abinit(ranks: int) -> Files:
    """The same cell, its bands spread over the ranks."""
    return {"si.abi": ABINIT.format(pseudo=ABINIT_PSEUDO, atoms=_diamond("  "), ranks=ranks)}


CP2K = """\
&GLOBAL
  PROJECT water
  RUN_TYPE MD
  PRINT_LEVEL LOW
&END GLOBAL
&MOTION
  &MD
    ENSEMBLE NVE
    STEPS 2
    TIMESTEP 0.5
    TEMPERATURE 300
  &END MD
  &PRINT
    &RESTART OFF
    &END RESTART
    &RESTART_HISTORY OFF
    &END RESTART_HISTORY
  &END PRINT
&END MOTION
&FORCE_EVAL
  METHOD QS
  &DFT
    BASIS_SET_FILE_NAME GTH_BASIS_SETS
    POTENTIAL_FILE_NAME GTH_POTENTIALS
    &MGRID
      CUTOFF 200
    &END MGRID
    &SCF
      EPS_SCF 1.0E-6
      SCF_GUESS ATOMIC
      MAX_SCF 30
      &OT
        PRECONDITIONER FULL_SINGLE_INVERSE
        MINIMIZER DIIS
      &END OT
      &PRINT
        &RESTART OFF
        &END RESTART
      &END PRINT
    &END SCF
    &XC
      &XC_FUNCTIONAL PADE
      &END XC_FUNCTIONAL
    &END XC
  &END DFT
  &SUBSYS
    &CELL
      ABC 8.7 8.7 8.7
    &END CELL
    &COORD
{atoms}    &END COORD
    &KIND H
      BASIS_SET DZVP-GTH
      POTENTIAL GTH-PADE-q1
    &END KIND
    &KIND O
      BASIS_SET DZVP-GTH
      POTENTIAL GTH-PADE-q6
    &END KIND
  &END SUBSYS
&END FORCE_EVAL
"""


def cp2k(_ranks: int) -> Files:
    """A few steps of molecular dynamics of water with forces from density functional theory."""
    return {"water.inp": CP2K.format(atoms=_water_molecules(3, "      "))}


MEEP = """\
(set! geometry-lattice (make lattice (size 12 8 4)))
(set! geometry
  (list (make block (center 0 0) (size infinity 1 1) (material (make dielectric (epsilon 12))))))
(set! sources
  (list (make source (src (make gaussian-src (frequency 0.15) (fwidth 0.1)))
    (component Ez) (center -4 0) (size 0 1 1))))
(set! pml-layers (list (make pml (thickness 1.0))))
(set! resolution 8)
(define through
  (add-flux 0.15 0.1 3 (make flux-region (center 4 0) (size 0 2 2))))
(run-until 40)
(display-fluxes through)
"""


def meep(_ranks: int) -> Files:
    """A pulse in a dielectric waveguide, in three dimensions."""
    return {"guide.ctl": MEEP}


MPB = """\
(set! geometry-lattice (make lattice
  (basis-size (sqrt 0.5) (sqrt 0.5) (sqrt 0.5))
  (basis1 0 1 1) (basis2 1 0 1) (basis3 1 1 0)))
(set! k-points (list (vector3 0 0.5 0.5) (vector3 0 0.625 0.375) (vector3 0 0.5 0)))
(define matter (make dielectric (epsilon 11.56)))
(set! geometry (list
  (make sphere (center 0.125 0.125 0.125) (radius 0.25) (material matter))
  (make sphere (center -0.125 -0.125 -0.125) (radius 0.25) (material matter))))
(set! resolution 24)
(set! mesh-size 3)
(set! num-bands 6)
(set! deterministic? true)
(run)
"""


def mpb(_ranks: int) -> Files:
    """Bands of a photonic crystal of spheres in a diamond lattice."""
    return {"diamond.ctl": MPB}


def _foam(name: str, kind: str, content: str) -> str:
    return (
        "FoamFile\n{\n    version 2.0;\n    format ascii;\n"
        f"    class {kind};\n    object {name};\n}}\n{content}"
    )


def _foam_field(name: str, kind: str, dimensions: str, value: str, lid: str, walls: str) -> str:
    content = f"""\
dimensions {dimensions};
internalField uniform {value};
boundaryField
{{
    lid {{ {lid} }}
    walls {{ {walls} }}
}}
"""
    return _foam(name, kind, content)


FOAM_MESH = """\
scale 0.1;
vertices ((0 0 0) (1 0 0) (1 1 0) (0 1 0) (0 0 1) (1 0 1) (1 1 1) (0 1 1));
blocks (hex (0 1 2 3 4 5 6 7) (24 24 24) simpleGrading (1 1 1));
boundary
(
    lid { type wall; faces ((3 7 6 2)); }
    walls
    {
        type wall;
        faces ((0 4 7 3) (2 6 5 1) (1 5 4 0) (0 3 2 1) (4 5 6 7));
    }
);
"""

FOAM_CONTROL = """\
application icoFoam;
startFrom startTime;
startTime 0;
stopAt endTime;
endTime 0.1;
deltaT 0.002;
writeControl timeStep;
writeInterval 1000000;
writeFormat ascii;
timePrecision 6;
"""

FOAM_SCHEMES = """\
ddtSchemes { default Euler; }
gradSchemes { default Gauss linear; }
divSchemes { default none; div(phi,U) Gauss linear; }
laplacianSchemes { default Gauss linear orthogonal; }
interpolationSchemes { default linear; }
snGradSchemes { default orthogonal; }
"""

FOAM_SOLUTION = """\
solvers
{
    p { solver PCG; preconditioner DIC; tolerance 1e-7; relTol 0.01; }
    pFinal { $p; relTol 0; }
    U { solver smoothSolver; smoother symGaussSeidel; tolerance 1e-6; relTol 0; }
}
PISO { nCorrectors 2; nNonOrthogonalCorrectors 0; pRefCell 0; pRefValue 0; }
"""


def openfoam(ranks: int) -> Files:
    """Flow in a cubic cavity below a moving lid."""
    still = "type noSlip;"
    flat = "type zeroGradient;"
    moving = "type fixedValue; value uniform (1 0 0);"
    dictionaries = {
        "system/blockMeshDict": FOAM_MESH,
        "system/controlDict": FOAM_CONTROL,
        "system/fvSchemes": FOAM_SCHEMES,
        "system/fvSolution": FOAM_SOLUTION,
        "system/decomposeParDict": f"numberOfSubdomains {ranks};\nmethod simple;\n"
        f"simpleCoeffs {{ n ({ranks} 1 1); delta 0.001; }}\n",
        "constant/transportProperties": "nu [0 2 -1 0 0 0 0] 0.005;\n",
    }
    files = {
        path: _foam(path.split("/")[1], "dictionary", content)
        for path, content in dictionaries.items()
    }
    speed = _foam_field("U", "volVectorField", "[0 1 -1 0 0 0 0]", "(0 0 0)", moving, still)
    pressure = _foam_field("p", "volScalarField", "[0 2 -2 0 0 0 0]", "0", flat, flat)
    return {**files, "0/U": speed, "0/p": pressure}


HPCC = """\
HPLinpack benchmark input file
segmsg
HPL.out      output file name (if any)
8            device out (6=stdout,7=stderr,file)
1            # of problems sizes (N)
{order}      Ns
1            # of NBs
80           NBs
0            PMAP process mapping (0=Row-,1=Column-major)
1            # of process grids (P x Q)
{rows}       Ps
{columns}    Qs
16.0         threshold
1            # of panel fact
2            PFACTs (0=left, 1=Crout, 2=Right)
1            # of recursive stopping criterium
4            NBMINs (>= 1)
1            # of panels in recursion
2            NDIVs
1            # of recursive panel fact.
1            RFACTs (0=left, 1=Crout, 2=Right)
1            # of broadcast
1            BCASTs (0=1rg,1=1rM,2=2rg,3=2rM,4=Lng,5=LnM)
1            # of lookahead depth
1            DEPTHs (>=0)
2            SWAP (0=bin-exch,1=long,2=mix)
64           swapping threshold
0            L1 in (0=transposed,1=no-transposed) form
0            U  in (0=transposed,1=no-transposed) form
1            Equilibration (0=no,1=yes)
8            memory alignment in double (> 0)
##### This line (no. 32) is ignored (it serves as a separator). ######
0            Number of additional problem sizes for PTRANS
1200         values of N
0            number of additional blocking sizes for PTRANS
40           values of NB
"""


def hpcc(ranks: int) -> Files:
    """HPL's matrix says how large everything is."""
    rows = 2 if ranks % 4 == 0 else 1
    return {"hpccinf.txt": HPCC.format(order=2000, rows=rows, columns=ranks // rows)}
