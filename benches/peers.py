"""The data of benches/access.rs for Python's netaddr: `python3 benches/peers.py [groups]`.

Prints the totals of the first groups, which must equal those that `cargo bench --bench access`
prints for 60 groups, and the time per group. Needs `pip install netaddr`.
"""

import sys
import time

import netaddr

RULES, ON_PORT, TRUSTED = 20, 14, 1000


class Random:
    """The generator of benches/access.rs."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return self.state >> 32

    def net(self, lengths):
        length = lengths[self.next() % len(lengths)]
        address = self.next() >> (32 - length) << (32 - length)
        return make(address, length)


def make(address, length):
    return netaddr.IPNetwork(f"{netaddr.IPAddress(address, 4)}/{length}")


def groups(count):
    random = Random(1)
    for group in range(count):
        rules = []
        for number in range(RULES):
            is_open = group % 10 == 0 and number == ON_PORT - 1
            net = random.net([8, 12, 16, 20, 24, 24, 28, 32])
            priority = 1 + random.next() % 100
            accept = random.next() % 10 < 7
            if is_open:
                net, priority, accept = make(0, 0), 100, True
            if number < ON_PORT:
                rules.append((priority, accept, net))
        yield rules


def residue(rules, trusted):
    decided, allowed = netaddr.IPSet(), netaddr.IPSet()
    classes = {}
    for priority, accept, net in rules:
        classes.setdefault((priority, accept), []).append(net)
    for (_, accept), nets in sorted(classes.items()):
        matched = netaddr.IPSet(nets)
        if accept:
            allowed |= matched - decided
        decided |= matched
    return allowed - trusted


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    random = Random(2)
    trusted = netaddr.IPSet([random.net([16, 20, 24, 24, 28, 32]) for _ in range(TRUSTED)])
    inputs = list(groups(count))
    start = time.perf_counter()
    addresses = cidrs = 0
    for rules in inputs:
        left = residue(rules, trusted)
        addresses += left.size
        cidrs += sum(1 for _ in left.iter_cidrs())
    each = (time.perf_counter() - start) / count
    print(f"{count} groups leave {addresses} addresses in {cidrs} CIDRs")
    print(f"netaddr {netaddr.__version__}: {each * 1e6:.0f} us per group")


if __name__ == "__main__":
    main()
