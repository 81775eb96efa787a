//! Arithmetic of frame numbers: 1 to `u32::MAX`, then 1 again. 0 stands for "before the first".

const CYCLE: u64 = u32::MAX as u64;

/// The number `steps` frames after `number`.
pub(crate) fn advance(number: u32, steps: usize) -> u32 {
    if steps == 0 {
        return number;
    }
    let next = (u64::from(number) + steps as u64 - 1) % CYCLE;
    next as u32 + 1
}

/// How many frames `to` comes after `from`.
pub(crate) fn distance(from: u32, to: u32) -> usize {
    let steps = (u64::from(to) + CYCLE - u64::from(from)) % CYCLE;
    steps as usize
}

#[cfg(test)]
mod tests {
    use super::{advance, distance};

    #[test]
    fn numbers_count_up_from_one_and_wrap_past_zero() {
        assert_eq!(advance(0, 1), 1);
        assert_eq!(advance(1, 1), 2);
        assert_eq!(advance(u32::MAX, 1), 1);
        assert_eq!(advance(u32::MAX - 1, 3), 2);
        assert_eq!(advance(7, 0), 7);
    }

    #[test]
    fn distance_undoes_advance() {
        for from in [0, 1, 5, u32::MAX - 1, u32::MAX] {
            for steps in [0, 1, 2, 64] {
                assert_eq!(
                    distance(from, advance(from, steps)),
                    steps,
                    "{from} + {steps}"
                );
            }
        }
    }
}
