//! Pages of labels. Nothing is embedded: every reader of PDF has Helvetica and Courier.

use super::arrangement::{Arrangement, Face};
use super::symbol::{QUIET, Symbol};
use super::{Label, LabelError, Sheet};
use miniz_oxide::deflate::compress_to_vec_zlib;
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str};

const POINTS_PER_UM: f32 = 72.0 / 25_400.0;
/// Fast, and symbols shrink to a third all the same.
const COMPRESSION: u8 = 3;
const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const FONTS: [(Face, Name<'static>, Ref, Name<'static>); 3] = [
    (
        Face::Strong,
        Name(b"S"),
        Ref::new(3),
        Name(b"Helvetica-Bold"),
    ),
    (Face::Plain, Name(b"P"), Ref::new(4), Name(b"Helvetica")),
    (Face::Code, Name(b"C"), Ref::new(5), Name(b"Courier-Bold")),
];
const FIRST_PAGE: i32 = 6;

/// The file. `free` places at the beginning of the first page are left out.
pub(super) fn draw(sheet: &Sheet, labels: &[Label], free: usize) -> Result<Vec<u8>, LabelError> {
    let mut pages: Vec<Content> = Vec::new();
    for (at, label) in labels.iter().enumerate() {
        let (page, left, top) = sheet.place(free + at);
        while pages.len() <= page {
            pages.push(Content::new());
        }
        let arrangement = label.arrange(sheet.label)?;
        if let Some(page) = pages.get_mut(page) {
            let height = sheet.page.height_um;
            put(page, &label.symbol, &arrangement, (left, top), height);
        }
    }
    Ok(bind(sheet, pages))
}

fn points(um: u32) -> f32 {
    um as f32 * POINTS_PER_UM
}

/// One label at its place; PDF counts from the lower left corner.
fn put(page: &mut Content, symbol: &Symbol, what: &Arrangement, at: (u32, u32), height: u32) {
    let (left, top) = at;
    let down = |um: u32| points(height) - points(top + um);
    let module = points(what.symbol_edge) / symbol.edge() as f32;
    let (symbol_left, symbol_top) = what.symbol_at;
    page.save_state();
    page.transform([
        module,
        0.0,
        0.0,
        -module,
        points(left + symbol_left),
        down(symbol_top),
    ]);
    for (y, runs) in symbol.rows().enumerate() {
        for run in runs {
            let (x, width) = ((run.start + QUIET) as f32, (run.end - run.start) as f32);
            page.rect(x, (y as u32 + QUIET) as f32, width, 1.0);
        }
    }
    page.fill_nonzero();
    page.restore_state();
    page.begin_text();
    for line in &what.lines {
        if let Some((_, name, ..)) = FONTS.iter().find(|(face, ..)| *face == line.face) {
            page.set_font(*name, points(line.size));
        }
        let x = points(left + line.left);
        page.set_text_matrix([1.0, 0.0, 0.0, 1.0, x, down(line.baseline)]);
        // WinAnsiEncoding numbers these characters as Unicode does.
        let text: Vec<u8> = line.text.chars().map(|c| c as u32 as u8).collect();
        page.show(Str(&text));
    }
    page.end_text();
}

fn bind(sheet: &Sheet, pages: Vec<Content>) -> Vec<u8> {
    let mut pdf = Pdf::new();
    pdf.catalog(CATALOG).pages(PAGES);
    let count = i32::try_from(pages.len()).unwrap_or(i32::MAX);
    let ids = (0..count).map(|page| {
        let id = FIRST_PAGE.saturating_add(page.saturating_mul(2));
        (Ref::new(id), Ref::new(id.saturating_add(1)))
    });
    let ids: Vec<(Ref, Ref)> = ids.collect();
    let kids = ids.iter().map(|(page, _)| *page);
    pdf.pages(PAGES).kids(kids).count(count);
    for (_, _, id, font) in FONTS {
        let mut face = pdf.type1_font(id);
        face.base_font(font);
        face.encoding_predefined(Name(b"WinAnsiEncoding"));
    }
    let (width, height) = (points(sheet.page.width_um), points(sheet.page.height_um));
    for ((id, content_id), content) in ids.into_iter().zip(pages) {
        let mut page = pdf.page(id);
        page.media_box(Rect::new(0.0, 0.0, width, height));
        page.parent(PAGES).contents(content_id);
        let mut resources = page.resources();
        let mut fonts = resources.fonts();
        for (_, name, font, _) in FONTS {
            fonts.pair(name, font);
        }
        fonts.finish();
        resources.finish();
        page.finish();
        let content = content.finish();
        let packed = compress_to_vec_zlib(content.as_slice(), COMPRESSION);
        pdf.stream(content_id, &packed).filter(Filter::FlateDecode);
    }
    pdf.finish()
}
