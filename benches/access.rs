//! Who can reach a port: the engine against its peers, on the same data in the same run.
//!
//! 100,000 groups of 20 rules, 14 of them on the port, an allowlist of 1,000 CIDRs; one group in
//! ten is open to the world. Peers get fewer groups, as said beside them; compare the time per
//! item. `benches/peers.py` has the same data for Python's netaddr.
#![expect(clippy::print_stdout, reason = "a bench reports to its terminal")]

use std::{
    io::{self, BufRead, BufReader, Read},
    net::Ipv4Addr,
    sync::LazyLock,
};

use divan::{Bencher, black_box, counter::ItemsCount};
use ipnet::{IpNet, Ipv4Net};
use iprange::IpRange;
use portcullis::{
    analysis::access::{Cache, Class, Entry, Format, Question, SECRET, Sweep, answer, answer_with},
    netset::{Address, Block, Cover, Gaps, Interval, RangeSet, Residue},
};
use range_set_blaze::RangeSetBlaze;
use rayon::prelude::*;

const GROUPS: usize = 100_000;
const RULES: usize = 20;
const ON_PORT: usize = 14;
const TRUSTED: usize = 1_000;
const PORT: u16 = 443;

fn main() {
    verify();
    println!("an entry of a rule takes {} bytes", size_of::<Entry<u32>>());
    divan::main();
}

/// The generator that `benches/peers.py` has too.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) as u32
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.next() as usize % choices.len()]
    }

    fn net(&mut self, lengths: &[u8]) -> Ipv4Net {
        let length = self.pick(lengths);
        Ipv4Net::new(Ipv4Addr::from(self.next()), length).expect("lengths are at most 32").trunc()
    }
}

/// A rule before it is laid out for any of the competitors.
#[derive(Clone, Copy)]
struct Rule {
    net: Ipv4Net,
    port: u16,
    priority: u8,
    accept: bool,
}

fn rules(groups: usize) -> Vec<Rule> {
    let mut random = Random(1);
    let mut rules = Vec::with_capacity(groups * RULES);
    for group in 0..groups {
        for number in 0..RULES {
            let open = group % 10 == 0 && number == ON_PORT - 1;
            let net = random.net(&[8, 12, 16, 20, 24, 24, 28, 32]);
            let priority = 1 + (random.next() % 100) as u8;
            let accept = random.next() % 10 < 7;
            rules.push(Rule {
                net: if open { Ipv4Net::default() } else { net },
                port: if number < ON_PORT { PORT } else { 22 },
                priority: if open { 100 } else { priority },
                accept: accept || open,
            });
        }
    }
    rules
}

fn trusted() -> Vec<Ipv4Net> {
    let mut random = Random(2);
    (0..TRUSTED).map(|_| random.net(&[16, 20, 24, 24, 28, 32])).collect()
}

fn interval(net: Ipv4Net) -> Interval<u32> {
    match Block::from(IpNet::V4(net)) {
        Block::V4(interval) => interval,
        Block::V6(_) => unreachable!("the block was made from IPv4"),
    }
}

fn entries(rules: &[Rule]) -> Vec<Entry<u32>> {
    let entry = |(index, rule): (usize, &Rule)| Entry {
        sources: interval(rule.net),
        ports: Interval::point(rule.port),
        source_ports: 0,
        class: Class::new(rule.priority, rule.accept),
        rule: (index % RULES) as u32,
    };
    rules.iter().enumerate().map(entry).collect()
}

static ENTRIES: LazyLock<Vec<Entry<u32>>> = LazyLock::new(|| entries(&rules(GROUPS)));
static GAPS: LazyLock<Gaps<u32>> =
    LazyLock::new(|| Gaps::new(&trusted().into_iter().map(interval).collect::<RangeSet<u32>>()));

/// The memory of one worker.
#[derive(Default)]
struct Worker {
    sweep: Sweep<u32>,
    residue: Residue<u32>,
}

impl Worker {
    /// Addresses and CIDRs of a group's residue, which is not written out.
    fn implicit(&mut self, group: &[Entry<u32>]) -> (u64, u64) {
        let admitted = self.sweep.admitted(group.iter().filter(|entry| entry.ports.contains(PORT)));
        GAPS.residue_into(admitted, &mut self.residue);
        (self.residue.addresses, self.residue.blocks)
    }

    /// The same with every CIDR of the residue's minimal cover written out.
    fn cover(&mut self, group: &[Entry<u32>], out: &mut Vec<IpNet>) -> (u64, u64) {
        let (addresses, _) = self.implicit(group);
        out.clear();
        for range in GAPS.materialise(&self.residue).intervals() {
            out.extend(Cover::of(*range));
        }
        (addresses, out.len() as u64)
    }
}

fn add(one: (u64, u64), two: (u64, u64)) -> (u64, u64) {
    (one.0 + two.0, one.1 + two.1)
}

/// First match over whole sets: what stronger classes decided is out of reach for weaker ones.
fn by_class(group: &[Rule]) -> Vec<(bool, Vec<Ipv4Net>)> {
    let mut rules: Vec<&Rule> = group.iter().filter(|rule| rule.port == PORT).collect();
    rules.sort_by_key(|rule| (rule.priority, rule.accept));
    rules
        .chunk_by(|one, two| (one.priority, one.accept) == (two.priority, two.accept))
        .map(|class| (class[0].accept, class.iter().map(|rule| rule.net).collect()))
        .collect()
}

mod peers {
    use super::{Cover, Interval, IpNet, IpRange, Ipv4Net, RangeSetBlaze, Rule, by_class};

    pub fn blaze_set(nets: &[Ipv4Net]) -> RangeSetBlaze<u32> {
        nets.iter().map(|net| u32::from(net.network())..=u32::from(net.broadcast())).collect()
    }

    pub fn range_set_blaze(group: &[Rule], trusted: &RangeSetBlaze<u32>, out: &mut Vec<IpNet>) -> (u64, u64) {
        let mut decided = RangeSetBlaze::new();
        let mut allowed = RangeSetBlaze::new();
        for (accept, nets) in by_class(group) {
            let class = blaze_set(&nets);
            if accept {
                allowed |= &class - &decided;
            }
            decided |= class;
        }
        let residue = allowed - trusted;
        out.clear();
        let mut addresses = 0;
        for range in residue.ranges() {
            addresses += u64::from(range.end() - range.start()) + 1;
            out.extend(Interval::new(*range.start(), *range.end()).map(Cover::of).into_iter().flatten());
        }
        (addresses, out.len() as u64)
    }

    pub fn iprange(group: &[Rule], trusted: &IpRange<Ipv4Net>) -> (u64, u64) {
        let mut decided = IpRange::new();
        let mut allowed = IpRange::new();
        for (accept, nets) in by_class(group) {
            let class: IpRange<Ipv4Net> = nets.into_iter().collect();
            if accept {
                allowed = allowed.merge(&class.exclude(&decided));
            }
            decided = decided.merge(&class);
        }
        let mut residue = allowed.exclude(trusted);
        residue.simplify();
        residue.iter().fold((0, 0), |sum, net| (sum.0 + (1 << (32 - net.prefix_len())), sum.1 + 1))
    }

    /// `net` without `hole`, which overlaps it, by splitting in halves.
    fn split(net: Ipv4Net, hole: Ipv4Net, out: &mut Vec<Ipv4Net>) {
        if hole.contains(&net) {
            return;
        }
        for half in net.subnets(net.prefix_len() + 1).into_iter().flatten() {
            if half.contains(&hole) || hole.contains(&half) { split(half, hole, out) } else { out.push(half) }
        }
    }

    fn without(nets: &[Ipv4Net], holes: &[Ipv4Net]) -> Vec<Ipv4Net> {
        let mut left = nets.to_vec();
        for hole in holes {
            let mut next = Vec::with_capacity(left.len());
            for net in left {
                if net.contains(hole) || hole.contains(&net) { split(net, *hole, &mut next) } else { next.push(net) }
            }
            left = next;
        }
        left
    }

    pub fn ipnet(group: &[Rule], trusted: &[Ipv4Net]) -> (u64, u64) {
        let mut decided: Vec<Ipv4Net> = Vec::new();
        let mut allowed: Vec<Ipv4Net> = Vec::new();
        for (accept, nets) in by_class(group) {
            if accept {
                allowed.extend(without(&nets, &decided));
            }
            decided.extend(nets);
        }
        let residue = Ipv4Net::aggregate(&without(&Ipv4Net::aggregate(&allowed), trusted));
        residue.iter().fold((0, 0), |sum, net| (sum.0 + (1 << (32 - net.prefix_len())), sum.1 + 1))
    }
}

/// Every competitor gives the same totals before any is timed.
fn verify() {
    let (rules, trusted) = (rules(60), trusted());
    let entries = entries(&rules);
    let blaze = peers::blaze_set(&trusted);
    let range: IpRange<Ipv4Net> = trusted.iter().copied().collect();
    let mut worker = Worker::default();
    let mut out = Vec::new();
    for (group, packed) in rules.chunks(RULES).zip(entries.chunks(RULES)) {
        let ours = worker.implicit(packed);
        assert_eq!(ours, worker.cover(packed, &mut out));
        assert_eq!(ours, peers::range_set_blaze(group, &blaze, &mut out));
        assert_eq!(ours, peers::iprange(group, &range));
        assert_eq!(ours, peers::ipnet(group, &trusted));
    }
    let total = entries.chunks(RULES).map(|group| worker.implicit(group)).fold((0, 0), add);
    println!("60 groups leave {} addresses in {} CIDRs (benches/peers.py says the same)", total.0, total.1);
}

#[divan::bench_group(sample_size = 1, sample_count = 10)]
mod residue {
    use super::*;

    #[divan::bench]
    fn a_sweep_implicit_1_thread(bencher: Bencher) {
        LazyLock::force(&ENTRIES);
        LazyLock::force(&GAPS);
        bencher.counter(ItemsCount::new(GROUPS)).bench_local(|| {
            let mut worker = Worker::default();
            ENTRIES.chunks(RULES).map(|group| worker.implicit(group)).fold((0, 0), add)
        });
    }

    #[divan::bench]
    fn b_sweep_implicit_rayon(bencher: Bencher) {
        bencher.counter(ItemsCount::new(GROUPS)).bench_local(|| {
            ENTRIES
                .par_chunks(1_024 * RULES)
                .map_init(Worker::default, |worker, groups| {
                    groups.chunks(RULES).map(|group| worker.implicit(group)).fold((0, 0), add)
                })
                .reduce(|| (0, 0), add)
        });
    }

    #[divan::bench]
    fn c_sweep_full_cover_1_thread(bencher: Bencher) {
        bencher.counter(ItemsCount::new(GROUPS / 5)).bench_local(|| {
            let (mut worker, mut out) = (Worker::default(), Vec::new());
            let groups = ENTRIES.chunks(RULES).take(GROUPS / 5);
            groups.map(|group| black_box(worker.cover(group, &mut out))).fold((0, 0), add)
        });
    }

    #[divan::bench(sample_count = 3)]
    fn d_range_set_blaze_with_cover(bencher: Bencher) {
        let rules = rules(5_000);
        let trusted = peers::blaze_set(&trusted());
        bencher.counter(ItemsCount::new(5_000_usize)).bench_local(|| {
            let mut out = Vec::new();
            let groups = rules.chunks(RULES);
            groups.map(|group| black_box(peers::range_set_blaze(group, &trusted, &mut out))).fold((0, 0), add)
        });
    }

    #[divan::bench(sample_count = 3)]
    fn e_iprange(bencher: Bencher) {
        let rules = rules(1_000);
        let trusted: IpRange<Ipv4Net> = trusted().into_iter().collect();
        bencher
            .counter(ItemsCount::new(1_000_usize))
            .bench_local(|| rules.chunks(RULES).map(|group| peers::iprange(group, &trusted)).fold((0, 0), add));
    }

    #[divan::bench(sample_count = 3)]
    fn f_ipnet(bencher: Bencher) {
        let rules = rules(200);
        let trusted = trusted();
        bencher
            .counter(ItemsCount::new(200_usize))
            .bench_local(|| rules.chunks(RULES).map(|group| peers::ipnet(group, &trusted)).fold((0, 0), add));
    }

    /// 10 million rules in memory; the counter counts rules.
    #[divan::bench(sample_count = 3)]
    fn g_ten_million_rules_1_thread(bencher: Bencher) {
        let entries = entries(&rules(500_000));
        bencher.counter(ItemsCount::new(entries.len())).bench_local(|| {
            let mut worker = Worker::default();
            entries.chunks(RULES).map(|group| worker.implicit(group)).fold((0, 0), add)
        });
    }
}

/// The rules of the other benches in IPv6: the upper bits are the IPv4 block's, the prefix is twice
/// as long, so that none is longer than /64.
static ENTRIES_V6: LazyLock<Vec<Entry<u128>>> = LazyLock::new(|| {
    let wider = |entry: &Entry<u32>| {
        let widen =
            |address: u32| (0..32).fold(0_u128, |bits, bit| bits | u128::from(address >> bit & 1) << (65 + 2 * bit));
        let (first, last) = (entry.sources.first(), entry.sources.last());
        let hosts = u128::MAX.checked_shr(2 * (first ^ last).leading_zeros()).unwrap_or(0);
        let sources = Interval::new(widen(first), widen(first) | hosts).expect("a block is not empty");
        Entry { sources, ports: entry.ports, source_ports: 0, class: entry.class, rule: entry.rule }
    };
    ENTRIES.iter().map(wider).collect()
});

/// First match alone, in both families; the counter counts groups.
#[divan::bench_group(sample_size = 1, sample_count = 10)]
mod first_match {
    use super::*;

    fn admitted<A: Address>(entries: &[Entry<A>]) -> usize {
        let mut sweep = Sweep::default();
        let groups = entries.chunks(RULES);
        groups.map(|group| sweep.admitted(group.iter().filter(|entry| entry.ports.contains(PORT))).len()).sum()
    }

    #[divan::bench]
    fn a_ipv4(bencher: Bencher) {
        LazyLock::force(&ENTRIES);
        bencher.counter(ItemsCount::new(GROUPS)).bench_local(|| admitted(&ENTRIES));
    }

    #[divan::bench]
    fn b_ipv6(bencher: Bencher) {
        LazyLock::force(&ENTRIES_V6);
        bencher.counter(ItemsCount::new(GROUPS)).bench_local(|| admitted(&ENTRIES_V6));
    }
}

/// Questions as they are saved: 20 rules each, written as the vendor's API writes them.
static QUESTIONS: LazyLock<String> = LazyLock::new(|| {
    let permission = |(index, rule): (usize, &Rule)| {
        format!(
            "{{\"SecurityGroupRuleId\":\"sgr-bp{index:012}\",\"Direction\":\"ingress\",\"Policy\":\"{}\",\
             \"Priority\":\"{}\",\"IpProtocol\":\"TCP\",\"PortRange\":\"{}/{}\",\"PortRangeListId\":\"\",\
             \"SourceCidrIp\":\"{}\",\"Ipv6SourceCidrIp\":\"\",\"SourceGroupId\":\"\",\"SourceGroupName\":\"\",\
             \"SourceGroupOwnerAccount\":\"\",\"SourcePrefixListId\":\"\",\"SourcePrefixListName\":\"\",\
             \"DestCidrIp\":\"\",\"Ipv6DestCidrIp\":\"\",\"DestGroupId\":\"\",\"DestGroupName\":\"\",\
             \"DestPrefixListId\":\"\",\"SourcePortRange\":\"\",\"NicType\":\"intranet\",\
             \"CreateTime\":\"2025-01-01T00:00:00Z\",\"Description\":\"made by the platform team\"}}",
            if rule.accept { "Accept" } else { "Drop" },
            rule.priority,
            rule.port,
            rule.port,
            rule.net,
        )
    };
    let mut text = String::new();
    for (number, group) in rules(1_000).chunks(RULES).enumerate() {
        let permissions: Vec<String> = group.iter().enumerate().map(permission).collect();
        text.push_str(&format!(
            "{{\"CaseId\":\"g{number}\",\"Query\":{{\"IpProtocol\":\"TCP\",\"Port\":443,\"AddressFamily\":\"ipv4\",\
             \"SourcePath\":\"internet\"}},\"Stages\":[\"SecurityGroup\"],\"Allowlist\":[\"10.0.0.0/8\",\
             \"198.51.100.0/24\"],\"SecurityGroups\":[{{\"SecurityGroupId\":\"sg-{number}\",\"VpcId\":\"vpc-1\",\
             \"SecurityGroupType\":\"normal\",\"InnerAccessPolicy\":\"Accept\",\"Permissions\":{{\"Permission\":[{}]}}}}]}}\n",
            permissions.join(",")
        ));
    }
    text
});

/// The questions over and over, about a gigabyte of them.
struct Repeated {
    position: usize,
    left: usize,
}

impl Repeated {
    fn gigabyte() -> Self {
        let text = QUESTIONS.len();
        Self { position: 0, left: (1 << 30) / text * text }
    }
}

impl Read for Repeated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let text = QUESTIONS.as_bytes();
        let length = buffer.len().min(text.len() - self.position).min(self.left);
        buffer[..length].copy_from_slice(&text[self.position..self.position + length]);
        self.position = (self.position + length) % text.len();
        self.left -= length;
        Ok(length)
    }
}

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool")
}

/// A gigabyte of JSON Lines; the counter counts questions.
#[divan::bench_group(sample_size = 1, sample_count = 2)]
mod gigabyte {
    use super::*;

    fn questions() -> ItemsCount {
        ItemsCount::new((1_usize << 30) / QUESTIONS.len() * 1_000)
    }

    #[divan::bench]
    fn a_typed_parse_alone_1_thread(bencher: Bencher) {
        bencher.counter(questions()).bench_local(|| {
            let mut reader = BufReader::with_capacity(8 << 20, Repeated::gigabyte());
            let mut line = Vec::new();
            let mut named = 0_usize;
            while reader.read_until(b'\n', &mut line).expect("memory can be read") > 0 {
                let text = std::str::from_utf8(&line).expect("questions are UTF-8");
                let question = Question::parse(text).expect("questions are well-formed");
                named += usize::from(black_box(&question).case_id().is_some());
                line.clear();
            }
            named
        });
    }

    #[divan::bench(args = [1, 2])]
    fn b_answers(bencher: Bencher, threads: usize) {
        let pool = pool(threads);
        bencher.counter(questions()).bench_local(|| {
            pool.install(|| answer(Repeated::gigabyte(), io::sink(), Format::JsonLines)).expect("memory can be read")
        });
    }
}

/// Questions of which one in a hundred has changed since their answers were kept, all in memory and
/// on one thread; the counter counts questions.
#[divan::bench_group(sample_size = 1, sample_count = 5)]
mod incremental {
    use super::*;

    const TIMES: usize = 20;

    /// The questions twenty times, each under a name of its own: equal ones would have one answer.
    static DISTINCT: LazyLock<String> = LazyLock::new(|| {
        let again = |time: usize| QUESTIONS.replace("{\"CaseId\":\"g", &format!("{{\"CaseId\":\"{time}-"));
        (0..TIMES).map(again).collect()
    });

    /// The file that was kept while one question in a hundred was another one.
    static KEPT: LazyLock<Vec<u8>> = LazyLock::new(|| {
        let before = |(number, line): (usize, &str)| match number % 100 {
            0 => line.replacen("\"Priority\":\"", "\"Priority\":\"1", 1) + "\n",
            _ => format!("{line}\n"),
        };
        let before: String = DISTINCT.lines().enumerate().map(before).collect();
        let mut cache = Cache::new("bench", Format::JsonLines, [7; SECRET]);
        answer_with(before.as_bytes(), io::sink(), &mut cache).expect("memory can be read");
        let mut file = Vec::new();
        cache.write(&mut file).expect("memory can be written");
        file
    });

    fn kept() -> Cache {
        Cache::read("bench", Format::JsonLines, KEPT.clone()).expect("it was just written")
    }

    fn questions() -> ItemsCount {
        ItemsCount::new(1_000 * TIMES)
    }

    #[divan::bench]
    fn a_all_answered(bencher: Bencher) {
        LazyLock::force(&DISTINCT);
        let pool = pool(1);
        bencher.counter(questions()).bench_local(|| {
            pool.install(|| answer(DISTINCT.as_bytes(), io::sink(), Format::JsonLines)).expect("memory can be read")
        });
    }

    #[divan::bench]
    fn b_one_in_a_hundred_changed(bencher: Bencher) {
        let pool = pool(1);
        bencher.counter(questions()).with_inputs(kept).bench_local_values(|mut cache| {
            pool.install(|| answer_with(DISTINCT.as_bytes(), io::sink(), &mut cache)).expect("memory can be read");
            assert_eq!(cache.in_use(), 1_000 * TIMES);
            cache
        });
    }

    /// With the cache read before and written after, from and to memory.
    #[divan::bench]
    fn c_with_the_cache_read_and_written(bencher: Bencher) {
        let pool = pool(1);
        bencher.counter(questions()).with_inputs(|| KEPT.clone()).bench_local_values(|file| {
            let mut cache = Cache::read("bench", Format::JsonLines, file).expect("it was written just so");
            pool.install(|| answer_with(DISTINCT.as_bytes(), io::sink(), &mut cache)).expect("memory can be read");
            let mut written = Vec::with_capacity(KEPT.len());
            cache.write(&mut written).expect("memory can be written");
            written
        });
    }
}
