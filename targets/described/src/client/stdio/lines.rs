//! Lines of bounded length from a program that may print anything.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

/// The next line without its end; `None` when there is no further one. Bytes that are not UTF-8 are replaced.
///
/// # Errors
///
/// `InvalidData` for a line that is longer, which is read to its end and dropped.
pub(super) async fn read_line(from: &mut (impl AsyncBufRead + Unpin), longest: usize) -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let mut too_long = false;
    loop {
        let available = from.fill_buf().await?;
        if available.is_empty() {
            // A last line without an end may be the beginning of one: it is none.
            return Ok(None);
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = &available[..end.unwrap_or(available.len())];
        too_long |= line.len() + part.len() > longest;
        if !too_long {
            line.extend_from_slice(part);
        }
        let used = end.map_or(part.len(), |end| end + 1);
        from.consume(used);
        if end.is_some() {
            break;
        }
    }
    if too_long {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a line longer than {longest} bytes")));
    }
    Ok(Some(String::from_utf8_lossy(&line).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_end_and_are_bounded() {
        let mut text = tokio::io::BufReader::with_capacity(3, &b"one\n\ntoo long\ntwo\xff\nopen"[..]);
        assert_eq!(read_line(&mut text, 5).await.unwrap().as_deref(), Some("one"));
        assert_eq!(read_line(&mut text, 5).await.unwrap().as_deref(), Some(""));
        assert_eq!(read_line(&mut text, 5).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(read_line(&mut text, 5).await.unwrap().as_deref(), Some("two\u{fffd}"));
        assert_eq!(read_line(&mut text, 5).await.unwrap(), None);
    }
}
