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

# gates <name>: the NAND2 gates of $work/<name>.v
gates() {
    yosys -Q -p "read_verilog $work/$1.v; synth -flatten -top $1; dfflegalize -cell \$_DFF_P_ x; abc -g cmos4; opt_clean
                 stat -tech cmos" >"$work/$1.log" || { tail "$work/$1.log" >&2; exit 1; }
    # A plus sign says that a cell has no cost.
    ! grep -q 'Estimated number of transistors: *[0-9]*+' "$work/$1.log" || { tail -n 40 "$work/$1.log" >&2; exit 1; }
    sed -n 's/.*Estimated number of transistors: *\([0-9]*\).*/\1/p' "$work/$1.log" | tail -n 1 |
        awk '{printf "%.0f\n", $1 / 4}'
}
# emitted <name> <fit argument>...: the same of what the program fit emits
emitted() {
    local name=$1
    shift
    "$fit" --function gelu --entries 8 --name "$name" "$@" --output "$work/$name.v" >"$work/$name.txt"
    gates "$name"
}
# loaded <bits> <slope bits> <intercept bits> <shift> <input's fraction bits>: the same of a combinational unit whose 8
# entries are shifted in at run time; only to compare costs with.
loaded() {
    cat >"$work/loaded_$1.v" <<END
module loaded_$1 (input wire clk, input wire load, input wire [15:0] word, input wire signed [$1-1:0] x,
                  output wire signed [$1-1:0] y);
    localparam BITS = 7 * $1 + 8 * ($2 + $3);
    reg [BITS-1:0] table_;
    always @(posedge clk) if (load) table_ <= {table_[BITS-17:0], word};
    reg signed [$2-1:0] slope;
    reg signed [$3-1:0] intercept;
    reg signed [$1-1:0] breakpoint;
    integer i;
    always @* begin
        slope = table_[0 +: $2];
        intercept = table_[8 * $2 +: $3];
        for (i = 1; i < 8; i = i + 1) begin
            breakpoint = table_[8 * ($2 + $3) + (i - 1) * $1 +: $1];
            if (x >= breakpoint) begin
                slope = table_[i * $2 +: $2];
                intercept = table_[8 * $2 + i * $3 +: $3];
            end
        end
    end
    wire signed [$1+$2:0] half = 1 << ($4 - 1);
    wire signed [$1+$2:0] sum = slope * x + (intercept <<< $5) + half;
    wire signed [$1+$2-$4:0] rounded = sum >>> $4;
    localparam signed [$1-1:0] MAX = {1'b0, {($1-1){1'b1}}};
    assign y = rounded > MAX ? MAX : rounded < -MAX ? -MAX : rounded[$1-1:0];
endmodule
END
    gates "loaded_$1"
}

int8=(--scales 5:5 --format q2.6 --breakpoint-format q3.5 --input q3.5)
int16=(--format q2.14 --breakpoint-format q4.12 --input q4.12)
int32=(--format q2.27 --breakpoint-format q4.28 --input q4.28) # 29 bits: with 32 of the input, the widest that a unit takes

declare -A cost
for unit in int32 int16 int8; do
    declare -n arguments=$unit
    cost[$unit]=$(emitted "gelu_$unit" "${arguments[@]}" --emit verilog)
    cost[${unit}_registered]=$(emitted "gelu_${unit}_registered" "${arguments[@]}" --emit verilog --registered)
done
cost[truth_table]=$(emitted gelu_truth_table "${int8[@]}" --emit truth_table)
cost[int8_loaded]=$(loaded 8 8 8 6 5)
cost[int16_loaded]=$(loaded 16 16 16 14 12)
cost[int32_loaded]=$(loaded 32 29 32 27 28)
echo "NAND2 gates, and less than INT32:"
printf '%-8s %18s %18s %18s\n' unit combinational registered 'loaded table'
for unit in int8 int16 int32; do
    printf '%-8s' "${unit^^}"
    for form in '' _registered _loaded; do
        awk -v a="${cost[$unit$form]}" -v b="${cost[int32$form]}" 'BEGIN {printf " %9d %6.1f %%", a, 100 - 100 * a / b}'
    done
    echo
done
echo "INT8 as a truth table, combinational: ${cost[truth_table]}"
echo "GQA-LUT (TSMC 28 nm): INT8 961 um2; less than INT32 (5243 um2) by 81.7 %, than FP32 (5135 um2) by 81.3 %"
