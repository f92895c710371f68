//! Sheets of a thousand labels: drawn by Poppler as a printer would, read by zbar.

use crate::labels::{plain, signed};
use issuer::label::{Label, Sheet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const LABELS: u64 = 1_000;
const DPI: usize = 300;

fn run(command: &mut Command) -> String {
    let output = command.output().expect("./test installs it");
    assert!(output.status.success(), "{command:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The pages of a PDF in shades of grey.
fn pages(folder: &Path, pdf: &[u8]) -> Vec<PathBuf> {
    let file = folder.join("sheet.pdf");
    fs::write(&file, pdf).unwrap();
    let resolution = DPI.to_string();
    let mut drawn = Command::new("pdftoppm");
    drawn.args(["-gray", "-r", &resolution]);
    run(drawn.arg(&file).arg(folder.join("page")));
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mut pages: Vec<PathBuf> = files
        .filter(|file| file.extension().is_some_and(|end| end == "pgm"))
        .collect();
    pages.sort();
    pages
}

/// What the symbols in these pictures say.
fn read(pictures: &[PathBuf]) -> Vec<String> {
    let mut zbar = Command::new("zbarimg");
    zbar.args([
        "--raw",
        "--quiet",
        "--nodbus",
        "-Sdisable",
        "-Sqrcode.enable",
    ]);
    let said = run(zbar.args(pictures));
    said.lines().map(str::to_owned).collect()
}

/// Shades of grey, row by row, with the width of a row.
fn grey(page: &Path) -> (usize, Vec<u8>) {
    let bytes = fs::read(page).unwrap();
    let header = bytes.splitn(4, |byte| *byte == b'\n').take(3);
    let header: Vec<String> = header
        .map(|line| String::from_utf8_lossy(line).into())
        .collect();
    assert_eq!((header[0].as_str(), header[2].as_str()), ("P5", "255"));
    let width: usize = header[1].split(' ').next().unwrap().parse().unwrap();
    let start = header.iter().map(|line| line.len() + 1).sum();
    (width, bytes[start..].to_vec())
}

/// One label after another, as a scanner is held to them: with sixty symbols on one picture zbar
/// takes corners of neighbours for one symbol now and then.
fn every_symbol_is_read(make: fn(u64) -> Label) {
    let (folder, cut) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let labels: Vec<Label> = (0..LABELS).map(make).collect();
    let sheet = Sheet::A4_65;
    let pages = pages(folder.path(), &sheet.pdf(&labels, 0).unwrap());
    assert_eq!(pages.len(), labels.len().div_ceil(sheet.per_page()));
    let pixels = |um: u32| um as usize * DPI / 25_400;
    let (width, height) = (pixels(sheet.label.width_um), pixels(sheet.label.height_um));
    let mut pictures = Vec::new();
    for page in pages {
        let (row, shades) = grey(&page);
        for place in 0..sheet.per_page().min(labels.len() - pictures.len()) {
            let (column, line) = (place as u32 % sheet.columns, place as u32 / sheet.columns);
            let left = pixels(sheet.left_um + column * sheet.pitch_x_um);
            let top = pixels(sheet.top_um + line * sheet.pitch_y_um);
            let mut picture = format!("P5\n{width} {height}\n255\n").into_bytes();
            for y in top..top + height {
                picture.extend(&shades[y * row + left..y * row + left + width]);
            }
            let file = cut.path().join(format!("{}.pgm", pictures.len()));
            fs::write(&file, picture).unwrap();
            pictures.push(file);
        }
    }
    let read = read(&pictures);
    let wanted: Vec<&str> = labels.iter().map(Label::uri).collect();
    let wrong = wanted
        .iter()
        .zip(&read)
        .find(|(wanted, read)| wanted != read);
    assert_eq!(wrong, None, "{} read of {LABELS}", read.len());
    assert_eq!(read.len(), labels.len());
}

#[test]
fn every_symbol_of_a_thousand_labels_is_read() {
    every_symbol_is_read(plain);
}

#[test]
fn every_symbol_of_a_thousand_signed_labels_is_read() {
    every_symbol_is_read(signed);
}
