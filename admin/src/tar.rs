//! Many small files as one: the ustar form of POSIX, as far as downloads need it.

const BLOCK: usize = 512;
/// Longest name of a file in it.
pub const NAME_BYTES_MAX: usize = 100;

/// Two empty blocks end the archive.
pub const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

/// One file: its header, its bytes, and zeros up to the next block. Names are cut at
/// [`NAME_BYTES_MAX`].
pub fn file(name: &str, content: &[u8], modified_s: u32) -> Vec<u8> {
    let mut header = Vec::with_capacity(BLOCK + content.len() + BLOCK);
    let octal = |number: u64, width: usize| format!("{number:0width$o}\0");
    let fields: [(&str, usize); 16] = [
        (name, NAME_BYTES_MAX),
        (&octal(0o644, 7), 8),
        (&octal(0, 7), 8),
        (&octal(0, 7), 8),
        (&octal(content.len() as u64, 11), 12),
        (&octal(u64::from(modified_s), 11), 12),
        // While its sum is taken, the field of the sum is spaces.
        ("        ", 8),
        ("0", 1),
        ("", 100),
        ("ustar\0", 6),
        ("00", 2),
        ("", 32),
        ("", 32),
        ("", 8),
        ("", 8),
        ("", 167),
    ];
    for (text, width) in fields {
        let bytes = text.bytes().chain(std::iter::repeat(0));
        header.extend(bytes.take(width));
    }
    let sum: u64 = header.iter().map(|byte| u64::from(*byte)).sum();
    let sum = format!("{sum:06o}\0 ");
    header.splice(148..156, sum.bytes());
    header.extend_from_slice(content);
    header.resize(header.len().next_multiple_of(BLOCK), 0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn tar_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let mut archive = file("a.txt", b"one", 1_795_000_000);
        archive.extend(file("empty", b"", 0));
        archive.extend(file(&"n".repeat(99), &[b'x'; 1025], 0));
        archive.extend(END);
        assert!(archive.len().is_multiple_of(BLOCK));
        let path = folder.path().join("all.tar");
        std::fs::write(&path, archive).unwrap();
        let mut tar = Command::new("tar");
        let done = tar.arg("-xf").arg(&path).arg("-C").arg(folder.path());
        assert!(done.status().unwrap().success());
        let read = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
        assert_eq!(read("a.txt"), b"one");
        assert_eq!(read("empty"), b"");
        assert_eq!(read(&"n".repeat(99)), [b'x'; 1025]);
    }
}
