use super::*;
use protocol::code::grid::Point;

/// North and east in nanodegrees, and the text of level 10 on which both codecs named in
/// `docs/grid-codes.md` agree.
const AGREED: [(i64, i64, &str); 21] = [
    (39_916_344_700, 116_397_147_200, "N50J47584CE263722762"),
    (31_239_693_400, 121_499_756_800, "N51H263E4E5343347563"),
    (22_542_859_900, 114_059_560_400, "N50F0503288311512365"),
    (43_825_600_000, 87_616_800_000, "N45K7727908010752077"),
    (45_802_175_500, 126_535_824_600, "N52L1322821237627477"),
    (29_652_485_700, 91_117_208_200, "N46H2307902073663206"),
    (18_252_500_100, 109_511_900_100, "N49E34205A2134207010"),
    (35_658_580_500, 139_745_432_900, "N54I370E9A7363146376"),
    (1_283_375_400, 103_860_726_400, "N48A3236790120345636"),
    (28_612_912_000, 77_229_509_700, "N43HA10D6BB301774315"),
    (25_197_197_000, 55_274_376_400, "N40G223116C177051026"),
    (41_008_537_600, 28_979_900_100, "N35K921D0B7362473472"),
    (55_752_023_300, 37_617_499_400, "N37N3727501335717035"),
    (59_931_100_000, 30_360_900_000, "N36O075659C347765536"),
    (48_858_370_100, 2_294_481_300, "N31M41521A7200441177"),
    (52_516_274_600, 13_377_704_100, "N33N211709E362724605"),
    (41_890_210_200, 12_492_230_900, "N33K035E386003007175"),
    (51_477_892_600, 1_475_500, "N31M064081A051157166"),
    (30_044_419_600, 31_235_711_600, "N36H240E229227157160"),
    (6_524_379_300, 3_379_205_700, "N31B65171B6247403377"),
    (64_146_600_000, 177_500_012_300, "N60Q700080B207103224"),
];

#[test]
fn beidou_texts_are_what_two_public_codecs_agree_on() {
    for (latitude, longitude, text) in AGREED {
        let names = Names::of(cell(latitude, longitude, 10));
        assert_eq!(
            names.beidou.as_deref(),
            Some(text),
            "{latitude} {longitude}"
        );
    }
}

#[test]
fn a_coarser_cell_has_a_shorter_beidou_text_of_the_same_beginning() {
    for (latitude, longitude, text) in AGREED {
        for (level, chars) in (1..=10).zip([4, 6, 7, 9, 11, 12, 14, 16, 18, 20]) {
            let names = Names::of(cell(latitude, longitude, level));
            assert_eq!(names.beidou.as_deref(), text.get(..chars));
        }
    }
}

#[test]
fn a_beidou_text_is_claimed_for_the_north_east_only() {
    let degree = 1_000_000_000;
    for (latitude, longitude) in [(-1, 1), (1, -1), (-1, -1), (88, 10), (90, 10)] {
        let names = Names::of(cell(latitude * degree, longitude * degree, 8));
        assert_eq!(names.beidou, None, "{latitude} {longitude}");
    }
    assert!(
        Names::of(cell(88 * degree - 1, 10 * degree, 10))
            .beidou
            .is_some()
    );
    assert!(Names::of(cell(0, 0, 10)).beidou.is_some());
}

#[test]
fn plus_codes_have_the_digits_that_fit_the_cell() {
    // The examples of the specification's test data, by the degree.
    for (latitude, longitude, digits, text) in [
        (20_375_000_000, 2_775_000_000, 6, "7FG49Q00+"),
        (20_370_112_500, 2_782_234_375, 10, "7FG49QCJ+2V"),
        (47_000_062_500, 8_000_062_500, 10, "8FVC2222+22"),
        (-41_273_062_500, 174_785_937_500, 10, "4VCPPQGP+Q9"),
        (90_000_000_000, 1_000_000_000, 4, "CFX30000+"),
        (1_000_000_000, 180_000_000_000, 4, "62H20000+"),
    ] {
        let point = Point::from_nanodegrees(latitude, longitude).unwrap();
        let halves = |units: i32| 2 * i64::from(units) + 1;
        let middle = Middle {
            latitude: halves(point.latitude()),
            longitude: halves(point.longitude()),
        };
        assert_eq!(plus_code::text(middle, digits), text);
    }
    for (level, chars) in (1..=10).zip([9, 9, 9, 9, 9, 9, 11, 12, 13, 15]) {
        let names = Names::of(cell(48_858_370_100, 2_294_481_300, level));
        assert_eq!(
            names.plus_code.len(),
            chars,
            "level {level}: {}",
            names.plus_code
        );
    }
}

#[test]
fn the_middle_is_written_with_no_negative_zero() {
    let geo = |latitude, longitude, level| Names::of(cell(latitude, longitude, level)).geo;
    assert_eq!(geo(0, 0, 10), "geo:0.0000001,0.0000001");
    assert_eq!(geo(-1, -1, 10), "geo:-0.0000001,-0.0000001");
    assert_eq!(
        geo(39_916_344_700, 116_397_147_200, 1),
        "geo:38.0000000,117.0000000"
    );
    assert_eq!(
        geo(-90_000_000_000, -180_000_000_000, 1),
        "geo:-90.0000000,-177.0000000"
    );
}

#[test]
fn an_h3_cell_is_near_and_about_as_large_as_ours() {
    let names = Names::of(cell(37_769_377_000, -122_388_903_000, 5));
    let found: CellIndex = names.h3.unwrap().parse().unwrap();
    assert_eq!(found.resolution(), Resolution::Ten);
    let centre = LatLng::from(found);
    assert!((centre.lat() - 37.769_377).abs() < 0.002);
    assert!((centre.lng() + 122.388_903).abs() < 0.002);
}
