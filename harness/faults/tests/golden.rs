//! What seeds draw, fixed for ever: hashes over the schedules of many seeds, computed when seeds first drew them. A
//! seed in an old note or a campaign must draw the same faults in every later version.

use std::time::Duration;

use rashomon_faults::FaultCatalogue;
use rashomon_spec::schedule::{Aim, Schedule};
use rashomon_spec::target::TargetTiming;

/// Times, kinds, aims and parameters as text.
fn text(schedule: &Schedule) -> String {
    let mut out = String::new();
    for episode in &schedule.episodes {
        for planned in &episode.faults {
            let whom = match &planned.aim {
                Aim::All => "all".to_owned(),
                Aim::Leader => "leader".to_owned(),
                Aim::LeaderAnd(group) => format!("leader and {group:?}"),
                Aim::SameAs(_) => "same".to_owned(),
                Aim::Nodes(nodes) => format!("{nodes:?}"),
            };
            let numbers: String = planned.parameters.values().map(|number| format!(" {number}")).collect();
            out += &format!("{} {} {} {whom}{numbers}\n", planned.at_ms, planned.for_ms, planned.kind);
        }
        out += &format!("end {}\n", episode.end_ms);
    }
    out
}

/// FNV-1a.
fn hashed(hash: u64, text: &str) -> u64 {
    text.bytes().fold(hash, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[test]
fn old_seeds_draw_what_they_always_drew() {
    let catalogue = FaultCatalogue::included();
    let timings = [(300, 1200), (3000, 2000), (150, 600)].map(|(election_ms, recovery_ms)| TargetTiming {
        election_timeout: Duration::from_millis(election_ms),
        recovery: Duration::from_millis(recovery_ms),
        convergence: Duration::from_secs(5),
    });
    for (set, nodes, leader, faults, expected) in GOLDEN {
        let named = set.split(',').flat_map(|name| catalogue.named(name).unwrap());
        let kinds = catalogue.ordered(&catalogue.meaningful(named, nodes, leader));
        let mut hash = 0xcbf2_9ce4_8422_2325;
        let mut drawn = 0;
        for timing in timings {
            for time_ms in [4_000, 14_000, 30_000, 120_000] {
                for seed in 0..40 {
                    let schedule = catalogue.draw(seed * 7919, nodes, leader, time_ms, &kinds, timing);
                    drawn += schedule.faults().count();
                    hash = hashed(hash, &text(&schedule));
                }
            }
        }
        assert_eq!((drawn, hash), (faults, expected), "{set}, {nodes} nodes, leader {leader}");
    }
}

/// Faults, nodes, whether a node leads, and of 480 schedules how many faults they have and their hash.
const GOLDEN: [(&str, u16, bool, usize, u64); 80] = [
    ("partition,kill", 1, true, 13096, 0x9659_b39c_f600_8b71),
    ("partition,kill", 1, false, 12984, 0x30ef_1f7a_7a0d_d4ec),
    ("partition,kill", 2, true, 10813, 0xd849_30c9_a832_4697),
    ("partition,kill", 2, false, 10827, 0xea3d_d6ae_a833_9e24),
    ("partition,kill", 3, true, 10827, 0x76f4_d9b7_a5b1_d6b7),
    ("partition,kill", 3, false, 10897, 0xd2c8_daf7_d5c5_1ec4),
    ("partition,kill", 5, true, 10889, 0x47c2_76f2_a539_b115),
    ("partition,kill", 5, false, 10648, 0x78c9_a50b_4bac_1ab4),
    ("partition,kill", 7, true, 10748, 0xd8f6_842d_1b0c_3c2f),
    ("partition,kill", 7, false, 10843, 0x6d4a_ee58_48ff_1dc6),
    ("partition,kill,pause,clock,packets", 1, true, 11266, 0xb216_20d4_9915_5d8e),
    ("partition,kill,pause,clock,packets", 1, false, 11533, 0x75ce_6468_9b00_71c3),
    ("partition,kill,pause,clock,packets", 2, true, 10896, 0x0e9b_8c28_6977_4061),
    ("partition,kill,pause,clock,packets", 2, false, 10936, 0x3085_48aa_3a7c_7f91),
    ("partition,kill,pause,clock,packets", 3, true, 10797, 0xb301_f3cc_4cbb_632a),
    ("partition,kill,pause,clock,packets", 3, false, 10693, 0xe81e_cc08_a6ee_eb73),
    ("partition,kill,pause,clock,packets", 5, true, 10766, 0x0760_5e08_1c49_b038),
    ("partition,kill,pause,clock,packets", 5, false, 10975, 0xddc7_e01a_99d5_060b),
    ("partition,kill,pause,clock,packets", 7, true, 10965, 0xc734_5d04_e8a5_4587),
    ("partition,kill,pause,clock,packets", 7, false, 10792, 0x5d8d_2f62_b6ea_01f2),
    ("partition,kill,pause,clock,packets,wipe", 1, true, 11266, 0xb216_20d4_9915_5d8e),
    ("partition,kill,pause,clock,packets,wipe", 1, false, 11533, 0x75ce_6468_9b00_71c3),
    ("partition,kill,pause,clock,packets,wipe", 2, true, 11197, 0x388d_27fe_52fb_1826),
    ("partition,kill,pause,clock,packets,wipe", 2, false, 11197, 0xf110_b34f_93aa_560c),
    ("partition,kill,pause,clock,packets,wipe", 3, true, 11202, 0x495b_ae6f_b060_e52d),
    ("partition,kill,pause,clock,packets,wipe", 3, false, 11273, 0x062c_e2c6_2de1_56e5),
    ("partition,kill,pause,clock,packets,wipe", 5, true, 11241, 0xa467_09d2_8890_9ab7),
    ("partition,kill,pause,clock,packets,wipe", 5, false, 11233, 0xbdde_81b3_b2ac_7896),
    ("partition,kill,pause,clock,packets,wipe", 7, true, 11128, 0xe87d_702d_400d_145f),
    ("partition,kill,pause,clock,packets,wipe", 7, false, 11226, 0x0e46_2892_c9b8_5c2a),
    ("wipe,kill,pause", 1, true, 12094, 0x224a_c2b5_81a9_2adc),
    ("wipe,kill,pause", 1, false, 12161, 0x201f_1179_98ae_0c71),
    ("wipe,kill,pause", 2, true, 12268, 0x134b_a489_c252_5e32),
    ("wipe,kill,pause", 2, false, 12227, 0x2c30_d494_c1e0_2e96),
    ("wipe,kill,pause", 3, true, 12146, 0x0d47_548d_35e4_b927),
    ("wipe,kill,pause", 3, false, 12257, 0x710e_7672_a55d_15d4),
    ("wipe,kill,pause", 5, true, 12098, 0x01f0_2273_894c_c069),
    ("wipe,kill,pause", 5, false, 12321, 0x319e_0a76_d1bb_7b51),
    ("wipe,kill,pause", 7, true, 12441, 0xfa99_daf1_06d6_19ef),
    ("wipe,kill,pause", 7, false, 12316, 0x634a_fb2e_a2d7_7c4b),
    ("isolate-leader,isolate-one,jump-ahead,pause", 1, true, 10828, 0xd90c_0ed5_e44f_e048),
    ("isolate-leader,isolate-one,jump-ahead,pause", 1, false, 10559, 0x41f6_6ae7_08a5_570a),
    ("isolate-leader,isolate-one,jump-ahead,pause", 2, true, 10096, 0x5933_9646_0ee5_be76),
    ("isolate-leader,isolate-one,jump-ahead,pause", 2, false, 10220, 0xba47_8b45_dba4_f85b),
    ("isolate-leader,isolate-one,jump-ahead,pause", 3, true, 10194, 0xa391_6d8a_dc68_6f6e),
    ("isolate-leader,isolate-one,jump-ahead,pause", 3, false, 10201, 0xce6e_3cc3_891d_64c5),
    ("isolate-leader,isolate-one,jump-ahead,pause", 5, true, 10152, 0x2f02_7961_1b61_33da),
    ("isolate-leader,isolate-one,jump-ahead,pause", 5, false, 10234, 0xce02_5f40_aaa5_bea9),
    ("isolate-leader,isolate-one,jump-ahead,pause", 7, true, 10191, 0x3878_976c_4cbb_1799),
    ("isolate-leader,isolate-one,jump-ahead,pause", 7, false, 10256, 0x3882_67fb_7b20_5149),
    ("clock", 1, true, 9731, 0x4c0b_ad2a_5444_81c9),
    ("clock", 1, false, 9825, 0x099a_40ac_b1a3_16d7),
    ("clock", 2, true, 9911, 0x721d_9232_6c38_916b),
    ("clock", 2, false, 9922, 0x6de5_81c1_3f68_3d60),
    ("clock", 3, true, 9939, 0x502d_bdc6_1f75_6089),
    ("clock", 3, false, 9914, 0xfbdd_d9ab_9788_4be0),
    ("clock", 5, true, 9814, 0x565e_bf3e_ed3d_9b08),
    ("clock", 5, false, 9861, 0x04f8_e525_1660_8c69),
    ("clock", 7, true, 9777, 0x1288_cdff_dbc4_dd8c),
    ("clock", 7, false, 9977, 0x8a00_de9b_def8_a6d2),
    ("packets,kill-all,pause-leader", 1, true, 12118, 0x74ed_546c_99ec_bda5),
    ("packets,kill-all,pause-leader", 1, false, 12936, 0xd888_4c7f_03bb_a8eb),
    ("packets,kill-all,pause-leader", 2, true, 11078, 0xc2ee_211a_28b0_781e),
    ("packets,kill-all,pause-leader", 2, false, 10685, 0xbb2e_30ad_a02c_2ee6),
    ("packets,kill-all,pause-leader", 3, true, 11049, 0x2fb9_535a_c50b_7c47),
    ("packets,kill-all,pause-leader", 3, false, 10599, 0x26f8_3cd8_c464_695f),
    ("packets,kill-all,pause-leader", 5, true, 10925, 0xc8d2_fd8c_64fc_a481),
    ("packets,kill-all,pause-leader", 5, false, 10519, 0x7c84_a087_9c06_a100),
    ("packets,kill-all,pause-leader", 7, true, 11051, 0x7c31_accf_0454_7b25),
    ("packets,kill-all,pause-leader", 7, false, 10677, 0x7ac6_ff53_35c9_aeab),
    ("wipe-one,delay-all,loss-all,kill-some", 1, true, 13099, 0x9f9c_65fa_2ba3_885e),
    ("wipe-one,delay-all,loss-all,kill-some", 1, false, 13099, 0x9f9c_65fa_2ba3_885e),
    ("wipe-one,delay-all,loss-all,kill-some", 2, true, 11121, 0xc89e_ce3e_1262_1781),
    ("wipe-one,delay-all,loss-all,kill-some", 2, false, 11067, 0x0c0a_5b79_610c_242b),
    ("wipe-one,delay-all,loss-all,kill-some", 3, true, 11042, 0x04e7_1241_fe95_2c33),
    ("wipe-one,delay-all,loss-all,kill-some", 3, false, 11098, 0xa546_35dd_f220_3c62),
    ("wipe-one,delay-all,loss-all,kill-some", 5, true, 10982, 0x39bd_a4b8_12fd_7201),
    ("wipe-one,delay-all,loss-all,kill-some", 5, false, 11098, 0xd4e1_5689_74fe_5097),
    ("wipe-one,delay-all,loss-all,kill-some", 7, true, 11098, 0xb008_c1dc_2a18_e18c),
    ("wipe-one,delay-all,loss-all,kill-some", 7, false, 11118, 0x72f4_5d6d_eadd_9771),
];
