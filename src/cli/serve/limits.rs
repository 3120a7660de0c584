//! The number of connections that the operating system permits.

use crate::config::SettingError;

/// File descriptors reserved for everything else: the roster's file, connections to Amazon Connect
/// and Secrets Manager, and the admin endpoint's.
const RESERVED: usize = 64;

/// The least number of connections, however low the limit is.
const FEWEST: usize = 8;

/// The number of connections asked for; or as many as the limit of open files permits, and a
/// warning.
pub(super) fn connections(asked: usize) -> (usize, Option<SettingError>) {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    fitting(asked, open_files(&limits))
}

fn fitting(asked: usize, files: Option<usize>) -> (usize, Option<SettingError>) {
    let most = files.map_or(asked, |files| files.saturating_sub(RESERVED).max(FEWEST));
    if asked <= most {
        return (asked, None);
    }
    let problem = SettingError {
        variable: "--max-connections".to_owned(),
        problem: format!(
            "expected at most {most}, found {asked}: this process may have {} files open, and needs \
             some for itself; {most} connections are served",
            files.unwrap_or_default()
        ),
        find: "raise the limit: ulimit -n, or LimitNOFILE= of a systemd unit",
    };
    (most, Some(problem))
}

/// The soft limit of open files (proc(5), `/proc/pid/limits`); `None` if it is unlimited or
/// unknown.
fn open_files(limits: &str) -> Option<usize> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_files_left_for_the_rest() {
        let limits = "Limit   Soft Limit  Hard Limit  Units\n\
            Max processes             62000                62000                processes\n\
            Max open files            256                  1048576              files     \n";
        assert_eq!(open_files(limits), Some(256));
        assert_eq!(open_files(&limits.replace("256", "unlimited")), None);
        assert_eq!(open_files(""), None);
        let fit = |asked, files| {
            let (most, warning) = fitting(asked, files);
            (most, warning.is_some())
        };
        assert_eq!(fit(200, Some(1024)), (200, false));
        assert_eq!(fit(200, None), (200, false));
        assert_eq!(fit(200, Some(256)), (192, true));
        assert_eq!(fit(200, Some(16)), (8, true));
    }
}
