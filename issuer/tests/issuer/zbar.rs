//! Sheets of a thousand labels: drawn by Poppler as a printer would, read by zbar.

use crate::labels::{plain, signed};
use issuer::label::{Label, Sheet};
use std::collections::BTreeSet;
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

/// Rows of labels, each a picture, as whoever cuts a sheet or draws a camera over it sees them.
/// Whole pages are too much for zbar: it tries corners of any three symbols for one of its own,
/// finds a small one in them now and then, and gives up after so many tries.
fn rows(sheet: &Sheet, page: &Path, cut: &Path, labels: usize) -> Vec<PathBuf> {
    let pixels = |um: u32| um as usize * DPI / 25_400;
    let (width, shades) = grey(page);
    let columns = sheet.columns as usize;
    let name = page.file_stem().unwrap().to_string_lossy();
    let draw = |row: usize| {
        let top = pixels(sheet.top_um + row as u32 * sheet.pitch_y_um);
        let height = pixels(sheet.label.height_um);
        let mut picture = format!("P5\n{width} {height}\n255\n").into_bytes();
        picture.extend(&shades[top * width..(top + height) * width]);
        let file = cut.join(format!("{name}-{row:02}.pgm"));
        fs::write(&file, picture).unwrap();
        file
    };
    (0..labels.div_ceil(columns)).map(draw).collect()
}

fn every_symbol_is_read(sheet: &Sheet, make: fn(u64) -> Label, count: u64) {
    let (folder, cut) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let labels: Vec<Label> = (0..count).map(make).collect();
    let pages = pages(folder.path(), &sheet.pdf(&labels, 0).unwrap());
    let printed = labels.chunks(sheet.per_page());
    assert_eq!(pages.len(), printed.len());
    let pictures = pages.iter().zip(printed);
    let pictures = pictures.flat_map(|(page, on)| rows(sheet, page, cut.path(), on.len()));
    let read: BTreeSet<String> = read(&pictures.collect::<Vec<_>>()).into_iter().collect();
    let wanted: BTreeSet<String> = labels.iter().map(|label| label.uri().to_owned()).collect();
    let missing: Vec<&String> = wanted.difference(&read).collect();
    assert!(
        missing.is_empty(),
        "{} of {count}: {missing:?}",
        missing.len()
    );
    assert_eq!(read.len(), wanted.len(), "zbar reads what nobody printed");
}

#[test]
fn every_symbol_of_a_thousand_labels_is_read() {
    every_symbol_is_read(&Sheet::A4_65, plain, LABELS);
}

#[test]
fn every_symbol_of_a_thousand_signed_labels_is_read() {
    every_symbol_is_read(&Sheet::A4_65, signed, LABELS);
}

/// Two pages of each other sheet; the smallest labels have no room for a signature.
#[test]
fn every_symbol_of_every_sheet_is_read() {
    for (name, sheet) in Sheet::NAMED {
        let count = 2 * sheet.per_page() as u64;
        match name {
            "a4-65" => {}
            "letter-80" => every_symbol_is_read(&sheet, plain, count),
            _ => every_symbol_is_read(&sheet, signed, count),
        }
    }
}
