//! Reading QR symbols from pictures.
//!
//! Flat ones, such as `--picture` and screenshots make, are read in this process. For photographs
//! there is `zbarimg`, if it is installed: it sees through bent and slanted ones, and it knows other
//! formats than PNG.

use crate::house::Failure;
use png::{Decoder as Png, Limits, Transformations};
use rqrr::PreparedImage;
use std::fs;
use std::io::{Cursor, ErrorKind};
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;

/// The largest picture that is read.
const PICTURE_MAX_BYTES: u64 = 32 << 20;
/// The longest edge; a photograph of 64 megapixels is about 9,000 by 7,000.
const EDGE_MAX_PIXELS: usize = 10_000;
/// Pixels in all.
const PIXELS_MAX: usize = 64 << 20;
/// How long `zbarimg` may look at one picture.
const ZBAR_TIMEOUT: Duration = Duration::from_secs(60);
const SIGNATURE: &[u8] = b"\x89PNG";

/// Shades of grey, row by row.
struct Grey {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

/// What the QR symbols in a picture say.
pub async fn texts(path: &Path) -> Result<Vec<String>, Failure> {
    if fs::metadata(path)?.len() > PICTURE_MAX_BYTES {
        return Err("too large for a picture of a code".into());
    }
    let picture = fs::read(path)?;
    let here = match picture.starts_with(SIGNATURE) {
        true => tokio::task::spawn_blocking(move || texts_in_png(&picture)).await?,
        false => Ok(Vec::new()),
    };
    match here {
        Ok(texts) if !texts.is_empty() => Ok(texts),
        here => match texts_by_zbar(path).await? {
            Some(texts) => Ok(texts),
            None => here.and(Err(
                "no QR code can be read in it; with zbarimg it could be in a photograph, too: \
                 install the Debian package zbar-tools"
                    .into(),
            )),
        },
    }
}

/// `None` when there is no `zbarimg` on this machine.
async fn texts_by_zbar(path: &Path) -> Result<Option<Vec<String>>, Failure> {
    let output = Command::new("zbarimg")
        .args([
            "--raw",
            "--quiet",
            "--nodbus",
            "-Sdisable",
            "-Sqrcode.enable",
        ])
        // No name can be mistaken for an option.
        .arg(std::path::absolute(path)?)
        .kill_on_drop(true)
        .output();
    match tokio::time::timeout(ZBAR_TIMEOUT, output).await? {
        Ok(output) => Ok(Some(
            String::from_utf8_lossy(&output.stdout)
                .lines()
                .map(str::to_owned)
                .collect(),
        )),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("zbarimg: {error}").into()),
    }
}

/// Symbols that cannot be read are left out.
pub(super) fn texts_in_png(picture: &[u8]) -> Result<Vec<String>, Failure> {
    let grey = grey(picture)?;
    let shade = |x: usize, y: usize| {
        let shade = grey.pixels.get(y * grey.width + x);
        shade.copied().unwrap_or(u8::MAX)
    };
    let mut image = PreparedImage::prepare_from_greyscale(grey.width, grey.height, shade);
    let found = image.detect_grids();
    Ok(found
        .iter()
        .filter_map(|grid| grid.decode().ok())
        .map(|(_, text)| text)
        .collect())
}

fn bounded(width: usize, height: usize) -> Result<(), Failure> {
    let edges = 1..=EDGE_MAX_PIXELS;
    match edges.contains(&width) && edges.contains(&height) && width * height <= PIXELS_MAX {
        true => Ok(()),
        false => Err(format!("{width} by {height} pixels are too many").into()),
    }
}

fn grey(picture: &[u8]) -> Result<Grey, Failure> {
    let limits = Limits {
        bytes: 4 * PIXELS_MAX,
    };
    let mut decoder = Png::new_with_limits(Cursor::new(picture), limits);
    decoder.set_transformations(Transformations::normalize_to_color8());
    let mut reader = decoder.read_info()?;
    let (width, height) = (reader.info().width, reader.info().height);
    let (width, height) = (usize::try_from(width)?, usize::try_from(height)?);
    bounded(width, height)?;
    let mut bytes = vec![0; reader.output_buffer_size().ok_or("too many pixels")?];
    let frame = reader.next_frame(&mut bytes)?;
    let samples = frame.color_type.samples();
    let alpha = matches!(
        frame.color_type,
        png::ColorType::Rgba | png::ColorType::GrayscaleAlpha
    );
    let pixels = bytes
        .chunks_exact(samples)
        .take(width * height)
        .map(|pixel| match pixel.split_last() {
            Some((opacity, colours)) if alpha => on_white(mean(colours), *opacity),
            _ => mean(pixel),
        });
    Ok(Grey {
        width,
        height,
        pixels: pixels.collect(),
    })
}

fn mean(samples: &[u8]) -> u8 {
    let sum: usize = samples.iter().map(|sample| usize::from(*sample)).sum();
    u8::try_from(sum / samples.len().max(1)).unwrap_or(u8::MAX)
}

/// What is not there is paper.
fn on_white(shade: u8, opacity: u8) -> u8 {
    let missing = u8::MAX - shade;
    let dark = u16::from(missing) * u16::from(opacity) / u16::from(u8::MAX);
    u8::MAX - u8::try_from(dark).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_picture_is_refused_without_harm() {
        for bytes in [
            &b""[..],
            b"OC1:",
            b"\x89PNG\r\n\x1a\n",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff\xff\xff\xff\xff\xff\xff\x08\0\0\0\0\0\0\0\0",
        ] {
            assert!(texts_in_png(bytes).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn an_empty_sheet_says_nothing() {
        let mut sheet = Vec::new();
        let mut encoder = png::Encoder::new(&mut sheet, 100, 50);
        encoder.set_color(png::ColorType::Rgba);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&[0; 100 * 50 * 4]).unwrap();
        drop(writer);
        assert!(texts_in_png(&sheet).unwrap().is_empty());
    }

    #[test]
    fn what_is_transparent_counts_as_paper() {
        assert_eq!(on_white(0, 0), 255);
        assert_eq!(on_white(0, 255), 0);
        assert_eq!(on_white(100, 255), 100);
        assert_eq!(mean(&[0, 30, 60]), 30);
    }
}
