//! Keys that come faster than fingers are a paste, although the terminal did not mark them as one.

use std::collections::VecDeque;
use std::time::Duration;

use super::parse::Token;

/// So many keys within [`WINDOW`] are no typing.
const KEYS: usize = 8;
const WINDOW: Duration = Duration::from_millis(30);
/// The paste is over after so long a silence.
const SILENCE: Duration = Duration::from_secs(1);

/// Turns a burst of keys into one [`Token::Paste`] and swallows its rest.
#[derive(Debug, Default)]
pub(super) struct Burst {
    recent: VecDeque<Duration>,
    latched: Option<Duration>,
}

impl Burst {
    /// What is left of a token.
    pub(super) fn take(&mut self, token: Token, at: Duration) -> Option<Token> {
        // A wheel turns faster than fingers type.
        if matches!(token, Token::Paste | Token::Mouse(_)) {
            return Some(token);
        }
        if let Some(last) = self.latched {
            if at.saturating_sub(last) < SILENCE {
                self.latched = Some(at);
                return None;
            }
            self.latched = None;
            self.recent.clear();
        }
        self.recent.push_back(at);
        if self.recent.len() > KEYS {
            self.recent.pop_front();
        }
        let first = self.recent.front().copied().unwrap_or(at);
        if self.recent.len() == KEYS && at.saturating_sub(first) <= WINDOW {
            self.latched = Some(at);
            return Some(Token::Paste);
        }
        Some(token)
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse::Key;
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn typing_passes_and_a_burst_becomes_a_paste() {
        let mut burst = Burst::default();
        let key = Token::Key(Key::Char('x'));
        for n in 0..50 {
            assert_eq!(burst.take(key.clone(), ms(n * 40)), Some(key.clone()));
        }
        let from = 10_000;
        let taken: Vec<_> = (0..20).filter_map(|n| burst.take(key.clone(), ms(from + n))).collect();
        assert_eq!(taken.len(), 8, "seven keys were through before it showed, then one paste, then nothing");
        assert_eq!(taken.last(), Some(&Token::Paste));
        assert_eq!(burst.take(key.clone(), ms(from + 500)), None, "the latch holds while keys go on");
        assert_eq!(
            burst.take(key.clone(), ms(from + 1_600)),
            Some(key),
            "and ends after a second of silence"
        );
    }
}
