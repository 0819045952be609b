//! Random choices that come out alike for a seed.

/// SplitMix64.
pub struct Dice(u64);

impl Dice {
    /// `KUSTOMIZE_YAML_SEED` in the environment moves all tests on to other cases.
    pub fn new(seed: u64) -> Self {
        let moved = std::env::var("KUSTOMIZE_YAML_SEED").ok().and_then(|text| text.parse::<u64>().ok());
        Self(seed.wrapping_add(moved.unwrap_or(0).wrapping_mul(0x1000_0001)))
    }

    /// How many cases a test makes: `KUSTOMIZE_YAML_CASES`, or `usual`.
    pub fn cases(usual: usize) -> usize {
        std::env::var("KUSTOMIZE_YAML_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 to below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// In so many of a hundred.
    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}
