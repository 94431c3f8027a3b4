//! Value arithmetic: address sets, CIDR parsing and covers, port sets.
