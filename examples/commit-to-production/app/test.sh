#!/bin/sh
# The shop's test: three prices and their sum.
set -eu
sum=$(sh shop.sh 100 250 49)
test "$sum" = 399 || { echo "100 + 250 + 49 should be 399, not $sum" >&2; exit 1; }
echo "the prices add up: $sum"
