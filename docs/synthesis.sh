#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# docs/synthesis.sh [<the program fit>]: emits the GELU unit with 8 entries for INT8, INT16 and INT32, synthesizes each with
# Yosys into static CMOS gates, and prints what they cost. The numbers in docs/nonlinear_hardware.md come from here.
#
# Costs are transistors as `stat -tech cmos` counts them (NOT 2; NAND, NOR 4; AOI3, OAI3 6; AOI4, OAI4 8; flip-flop 16),
# over 4: in NAND2 gates. Wires, drive strengths and clock trees are not in them.
set -euo pipefail
fit=${1:-$(dirname "${BASH_SOURCE[0]}")/../build/release/examples/fit}
[ -x "$fit" ] || { echo "synthesis.sh: '$fit' is no program: build the example fit, or give its path" >&2; exit 2; }
command -v yosys >/dev/null || { echo "synthesis.sh: yosys was not found: install it" >&2; exit 2; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# cost <name> <fit argument>...: the unit's NAND2 gates
cost() {
    local name=$1
    shift
    "$fit" --function gelu --entries 8 --name "$name" "$@" --output "$work/$name.v" >"$work/$name.txt"
    yosys -Q -p "read_verilog $work/$name.v; synth -flatten -top $name; dfflegalize -cell \$_DFF_P_ x; abc -g cmos4; opt_clean; stat -tech cmos" \
        >"$work/$name.log" || { tail "$work/$name.log" >&2; exit 1; }
    # A plus sign says that a cell has no cost.
    ! grep -q 'Estimated number of transistors: *[0-9]*+' "$work/$name.log" || { tail -n 40 "$work/$name.log" >&2; exit 1; }
    sed -n 's/.*Estimated number of transistors: *\([0-9]*\).*/\1/p' "$work/$name.log" | tail -n 1 |
        awk '{printf "%.0f\n", $1 / 4}'
}

int8=(--scales 5:5 --format q2.6 --breakpoint-format q3.5 --input q3.5)
int16=(--format q2.14 --breakpoint-format q4.12 --input q4.12)
int32=(--format q2.27 --breakpoint-format q4.28 --input q4.28) # 29 bits: with 32 of the input, the widest that a unit takes

printf '%-8s %28s %28s\n' '' combinational registered
printf '%-8s %14s %13s %14s %13s\n' unit 'NAND2 gates' 'less than' 'NAND2 gates' 'less than'
printf '%-8s %14s %13s %14s %13s\n' '' '' 'INT32' '' 'INT32'
declare -A gates
for unit in int32 int16 int8; do
    declare -n arguments=$unit
    gates[$unit]=$(cost "gelu_$unit" "${arguments[@]}" --emit verilog)
    gates[${unit}_registered]=$(cost "gelu_${unit}_registered" "${arguments[@]}" --emit verilog --registered)
done
gates[truth_table]=$(cost gelu_truth_table "${int8[@]}" --emit truth_table)
for unit in int8 int16 int32; do
    awk -v unit=$unit -v a="${gates[$unit]}" -v b="${gates[int32]}" -v c="${gates[${unit}_registered]}" \
        -v d="${gates[int32_registered]}" \
        'BEGIN {printf "%-8s %14d %11.1f %% %14d %11.1f %%\n", toupper(unit), a, 100 - 100 * a / b, c, 100 - 100 * c / d}'
done
echo "INT8 as a truth table, combinational: ${gates[truth_table]}"
echo "GQA-LUT (TSMC 28 nm): INT8 961 um2; less than INT32 (5243 um2) by 81.7 %, than FP32 (5135 um2) by 81.3 %"
