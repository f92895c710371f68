//! What is printed, read back from the pictures and from the dots a label printer would burn.

use issuer::Names;
use issuer::label::{Label, LabelError, Roll, SHEET_LABELS_MAX, Sheet, Size, Words, picture};
use protocol::code::IssuedBy;
use protocol::keys::SoftwareKey;
use protocol::objects::Labelled;
use protocol::{Code, Kind, Network};
use rqrr::PreparedImage;

fn code(sequence: u64) -> Code {
    let by = IssuedBy {
        issuer: 1,
        station: 1,
    };
    Code::derive(Kind::Device, by, sequence, b"key").unwrap()
}

pub fn plain(sequence: u64) -> Label {
    let names = Names::new("onecode.internal", "id.example.com").unwrap();
    let words = |text: &str| text.parse::<Words>().unwrap();
    let label = Label::thing(&names, &code(sequence)).unwrap();
    label.words(words("Kettle <3> & Gerät"), words("2026-11-22 ^~_"))
}

pub fn signed(sequence: u64) -> Label {
    let network = Network::new("test").unwrap();
    let key = SoftwareKey::ed25519(&[7; 32]);
    let mark = Labelled::Thing(code(sequence)).sign(code(0), &network, &key);
    plain(sequence).marked(&mark.unwrap()).unwrap()
}

/// What a reader finds among these shades of grey.
fn read(width: usize, height: usize, dark: impl Fn(usize, usize) -> bool) -> Vec<String> {
    let shade = |x, y| if dark(x, y) { 0 } else { u8::MAX };
    let mut image = PreparedImage::prepare_from_greyscale(width, height, shade);
    let grids = image.detect_grids();
    let texts = grids.iter().filter_map(|grid| grid.decode().ok());
    texts.map(|(_, text)| text).collect()
}

fn read_png(png: &[u8]) -> Vec<String> {
    let decoder = png::Decoder::new(std::io::Cursor::new(png));
    let mut reader = decoder.read_info().unwrap();
    let mut shades = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut shades).unwrap();
    let width = frame.width as usize;
    read(width, frame.height as usize, |x, y| {
        shades[y * width + x] < 128
    })
}

/// The dots of the `GF` commands of one format, as a printer lays them out.
fn read_zpl(format: &str) -> Vec<String> {
    let number = |after: &str| -> usize {
        let rest = format.split(after).nth(1).unwrap();
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap();
        digits.parse().unwrap()
    };
    let (width, height) = (number("^PW"), number("^LL"));
    let mut dots = vec![false; width * height];
    for field in format.split("^FO").skip(1) {
        let (at, rest) = field.split_once("^GFA,").unwrap();
        let (x, y) = at.split_once(',').unwrap();
        let (x, y): (usize, usize) = (x.parse().unwrap(), y.parse().unwrap());
        let data = rest.split("^FS").next().unwrap();
        let parts: Vec<&str> = data.splitn(4, ',').collect();
        let (total, row_bytes): (usize, usize) =
            (parts[0].parse().unwrap(), parts[2].parse().unwrap());
        let mut rows: Vec<Vec<u8>> = Vec::new();
        let mut digits = parts[3];
        while !digits.is_empty() {
            if let Some(rest) = digits.strip_prefix(':') {
                rows.push(rows.last().unwrap().clone());
                digits = rest;
                continue;
            }
            let (row, rest) = digits.split_at(2 * row_bytes);
            let byte = |at: usize| u8::from_str_radix(&row[2 * at..2 * at + 2], 16).unwrap();
            rows.push((0..row_bytes).map(byte).collect());
            digits = rest;
        }
        assert_eq!(rows.len() * row_bytes, total);
        for (down, row) in rows.iter().enumerate() {
            for right in (0..8 * row_bytes).filter(|bit| row[bit / 8] << (bit % 8) & 0x80 != 0) {
                assert!(x + right < width && y + down < height, "beyond the label");
                dots[(y + down) * width + x + right] = true;
            }
        }
    }
    read(width, height, |x, y| dots[y * width + x])
}

const SIZES: [Size; 5] = [
    Size::mm(50, 25),
    Size::mm(25, 25),
    Size::mm(30, 60),
    Size::mm(20, 40),
    Size::mm(100, 70),
];

#[test]
fn pictures_of_any_shape_read_back() {
    for size in SIZES {
        for label in [plain(5), signed(5)] {
            let png = picture::png(&label, size, 300).unwrap();
            assert_eq!(read_png(&png), [label.uri()], "{size:?}");
        }
    }
}

#[test]
fn a_signed_label_ends_with_its_mark() {
    let (plain, signed) = (plain(5), signed(5));
    let mark = signed.uri().strip_prefix(plain.uri()).unwrap();
    assert_eq!(mark.len(), 1 + protocol::objects::MARK_CHARS);
    assert!(plain.uri().starts_with("HTTPS://ID.EXAMPLE.COM/1/2000"));
}

#[test]
fn a_roll_prints_every_label_once_in_its_order() {
    for roll in [Roll::ONE_ACROSS, Roll::FOUR_ACROSS] {
        for make in [plain, signed] {
            let labels: Vec<Label> = (0..9).map(make).collect();
            let zpl = roll.zpl(&labels).unwrap();
            let mut read: Vec<String> = Vec::new();
            for format in zpl.lines() {
                assert!(format.starts_with("^XA^CI28") && format.ends_with("^XZ"));
                let mut row = read_zpl(format);
                assert!(row.len() <= roll.across as usize);
                // The reader finds them in no certain order.
                row.sort();
                read.extend(row);
            }
            let mut wanted: Vec<&str> = labels.iter().map(Label::uri).collect();
            wanted.sort_unstable();
            read.sort();
            assert_eq!(read, wanted);
        }
    }
}

#[test]
fn words_give_a_printer_no_orders() {
    let zpl = Roll::ONE_ACROSS.zpl(&[plain(1)]).unwrap();
    assert!(zpl.contains("^FH^FD2026-11-22 _5E_7E_5F^FS"), "{zpl}");
    let svg = picture::svg(&plain(1), Size::mm(50, 25)).unwrap();
    assert!(svg.contains(">Kettle &lt;3&gt; &amp; Gerät</text>"));
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert!(svg.contains("width=\"50.000mm\" height=\"25.000mm\""));
}

#[test]
fn the_code_is_printed_in_groups_with_its_check_symbols() {
    let svg = picture::svg(&plain(1), Size::mm(100, 30)).unwrap();
    let lines: Vec<&str> = svg
        .split("</text>")
        .filter_map(|l| l.split('>').next_back())
        .collect();
    let printed = lines.join("-");
    assert!(printed.contains(&format!("{:#}", code(1))), "{printed}");
}

#[test]
fn the_same_labels_make_the_same_file() {
    let labels: Vec<Label> = (0..70).map(plain).collect();
    for (name, sheet) in Sheet::NAMED {
        let pdf = sheet.pdf(&labels, 0).unwrap();
        assert_eq!(pdf, sheet.pdf(&labels, 0).unwrap(), "{name}");
        assert!(pdf.starts_with(b"%PDF-1."));
        assert_eq!(Sheet::named(name), Some(sheet));
    }
    assert_eq!(Sheet::named("a4"), None);
}

#[test]
fn labels_begin_where_a_used_sheet_is_still_whole() {
    let pages = |labels: u64, used| {
        let labels: Vec<Label> = (0..labels).map(plain).collect();
        let pdf = Sheet::A4_21.pdf(&labels, used).unwrap();
        let text = String::from_utf8_lossy(&pdf).into_owned();
        text.matches("/MediaBox").count()
    };
    assert_eq!(pages(21, 0), 1);
    assert_eq!(pages(22, 0), 2);
    assert_eq!(pages(21, 1), 2);
    assert_eq!(pages(1, 20), 1);
    assert_eq!(Sheet::A4_21.pdf(&[plain(1)], 21), Err(LabelError::Grid));
}

#[test]
fn what_could_not_be_read_is_not_printed() {
    let small = |label: &Label, size| picture::png(label, size, 300).err();
    let needs = |symbol_um| Some(LabelError::TooSmall { symbol_um });
    assert_eq!(small(&plain(1), Size::mm(10, 10)), needs(9_250));
    assert_eq!(small(&signed(1), Size::mm(40, 13)), needs(13_250));
    // Room for the symbol alone.
    assert_eq!(small(&plain(1), Size::mm(12, 12)), needs(9_250));
    assert_eq!(small(&plain(1), Size::mm(0, 40)), needs(9_250));
    assert_eq!(small(&plain(1), Size::mm(4_000_000, 40)), needs(9_250));
    let wide = "W".repeat(40).parse::<Words>().unwrap();
    let label = plain(1).words(wide, Words::default());
    assert_eq!(small(&label, Size::mm(38, 21)), needs(9_250));

    let letter_80 = Sheet::LETTER_80.pdf(&[signed(1)], 0);
    let symbol_um = 13_250;
    assert_eq!(letter_80, Err(LabelError::TooSmall { symbol_um }));
}

#[test]
fn grids_that_leave_the_page_or_overlap_are_refused() {
    let refused = |change: fn(&mut Sheet)| {
        let mut sheet = Sheet::A4_65;
        change(&mut sheet);
        assert_eq!(sheet.pdf(&[plain(1)], 0), Err(LabelError::Grid));
    };
    refused(|sheet| sheet.columns = 6);
    refused(|sheet| sheet.rows = 14);
    refused(|sheet| sheet.rows = 0);
    refused(|sheet| sheet.columns = u32::MAX);
    refused(|sheet| sheet.pitch_x_um = sheet.label.width_um - 1);
    refused(|sheet| sheet.pitch_y_um = u32::MAX);
    refused(|sheet| sheet.left_um = u32::MAX);
    refused(|sheet| sheet.page = Size::mm(2_000, 297));
}

#[test]
fn files_have_bounds() {
    assert_eq!(Sheet::A4_65.pdf(&[], 0), Err(LabelError::Count));
    let many = vec![plain(1); SHEET_LABELS_MAX + 1];
    assert_eq!(Sheet::A4_65.pdf(&many, 0), Err(LabelError::Count));
    assert_eq!(Roll::ONE_ACROSS.zpl(&[]), Err(LabelError::Count));
    let mut roll = Roll::ONE_ACROSS;
    roll.across = 9;
    assert_eq!(roll.zpl(&[plain(1)]), Err(LabelError::Grid));
    roll = Roll::ONE_ACROSS;
    roll.dots_per_mm = 7;
    assert_eq!(roll.zpl(&[plain(1)]), Err(LabelError::Resolution));
    for dpi in [0, 71, 2401, u32::MAX] {
        let png = picture::png(&plain(1), Size::mm(50, 25), dpi);
        assert_eq!(png, Err(LabelError::Resolution));
    }
    let poster = picture::png(&plain(1), Size::mm(1000, 1000), 1200);
    assert_eq!(poster, Err(LabelError::Resolution));
}
