//! Where money went, as a picture of layers: ways that sums took from stop to stop become boxes in
//! columns and curves between them. Bounded, whatever there is: of each column the largest boxes are
//! drawn, and the rest of it is one box.

use std::collections::{BTreeMap, BTreeSet};

/// Columns drawn; what lies farther stands in the last one.
pub const COLUMNS_MOST: usize = 8;
/// Boxes drawn in one column, the rest of it not counted.
pub const BOXES_MOST: usize = 18;
/// Curves drawn, the largest ones.
pub const CURVES_MOST: usize = 160;

/// Width of a box, in the units of the picture.
pub const BOX_WIDTH: i32 = 176;
/// Room between two columns, where amounts are written.
const GAP: i32 = 148;
/// Least height of a box.
const BOX_HEIGHT: i32 = 44;
/// Between two curves at one box.
const PORT: i32 = 19;
/// Between two boxes.
const BETWEEN: i32 = 16;
/// Around everything.
const MARGIN: i32 = 10;

/// The way of one sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way<K> {
    /// Where it was, one after the other; no two neighbours are the same.
    pub stops: Vec<K>,
    /// How much.
    pub amount: u128,
    /// Whether steps before the last one are left out.
    pub is_cut: bool,
}

/// Which end is the one that was asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first stop: columns are steps from there.
    First,
    /// The last stop: columns are steps until there.
    Last,
}

/// What a box stands for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What<K> {
    /// One stop.
    One(K),
    /// So many others of its column.
    Rest(usize),
}

/// A box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed<K> {
    /// What it stands for.
    pub what: What<K>,
    /// Its left edge.
    pub x: i32,
    /// Its upper edge.
    pub y: i32,
    /// Its height.
    pub height: i32,
    /// What ended here.
    pub holds: u128,
    /// What came by or ended here.
    pub passed: u128,
}

/// A curve from box to box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Curve {
    /// Where it leaves.
    pub from: (i32, i32),
    /// Where it arrives.
    pub to: (i32, i32),
    /// How much took it.
    pub amount: u128,
    /// Whether steps are left out of it.
    pub is_cut: bool,
    /// Whether it does not lead to the next column.
    pub is_back: bool,
}

/// The picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layers<K> {
    /// The boxes, column by column.
    pub boxes: Vec<Placed<K>>,
    /// The curves, to be drawn below them.
    pub curves: Vec<Curve>,
    /// Of the picture.
    pub width: i32,
    /// Of the picture.
    pub height: i32,
    /// Curves that are not drawn.
    pub left_out: usize,
}

#[derive(Clone, Copy, Default)]
struct Sum {
    amount: u128,
    is_cut: bool,
}

impl Sum {
    fn add(&mut self, amount: u128, is_cut: bool) {
        self.amount = self.amount.saturating_add(amount);
        self.is_cut |= is_cut;
    }
}

/// A box by its column and its place there.
type Seat = (usize, usize);
/// What went from seat to seat.
type Link = ((Seat, Seat), Sum);

/// What ended at a stop, and what came by.
#[derive(Clone, Copy, Default)]
struct Flow {
    holds: u128,
    passed: u128,
}

/// Draws the ways.
pub fn draw<K: Ord + Clone>(ways: &[Way<K>], side: Side) -> Layers<K> {
    let (columns, flows) = columns(ways, side);
    let edges = edges(ways);
    let order = ordered(&columns, &flows, &edges);
    let mut seats: BTreeMap<&K, Seat> = BTreeMap::new();
    for (column, keys) in order.iter().enumerate() {
        for (row, key) in keys.iter().enumerate() {
            seats.insert(*key, (column, row.min(BOXES_MOST)));
        }
    }
    let mut between: BTreeMap<(Seat, Seat), Sum> = BTreeMap::new();
    for ((from, to), sum) in &edges {
        if let (Some(from), Some(to)) = (seats.get(from), seats.get(to))
            && from != to
        {
            let both = between.entry((*from, *to)).or_default();
            both.add(sum.amount, sum.is_cut);
        }
    }
    let mut drawn: Vec<Link> = between.into_iter().collect();
    drawn.sort_by_key(|(seats, sum)| (std::cmp::Reverse(sum.amount), *seats));
    let left_out = drawn.len().saturating_sub(CURVES_MOST);
    drawn.truncate(CURVES_MOST);
    drawn.sort_by_key(|(seats, _)| *seats);
    let (boxes, places) = boxes(&order, &flows, &drawn);
    let right = boxes.iter().map(|placed| placed.x + BOX_WIDTH).max();
    let bottom = boxes.iter().map(|placed| placed.y + placed.height).max();
    Layers {
        curves: curves(&drawn, &places),
        width: right.unwrap_or(0) + MARGIN,
        height: bottom.unwrap_or(0) + MARGIN,
        boxes,
        left_out,
    }
}

/// In which column each stop stands, by its fewest steps from the side that was asked about.
fn columns<K: Ord + Clone>(
    ways: &[Way<K>],
    side: Side,
) -> (BTreeMap<&K, usize>, BTreeMap<&K, Flow>) {
    let mut steps: BTreeMap<&K, usize> = BTreeMap::new();
    let mut flows: BTreeMap<&K, Flow> = BTreeMap::new();
    for way in ways {
        let last = way.stops.len().saturating_sub(1);
        let mut met = BTreeSet::new();
        for (at, stop) in way.stops.iter().enumerate() {
            let far = match side {
                Side::First => at,
                Side::Last => last - at,
            };
            let far = far.min(COLUMNS_MOST - 1);
            let least = steps.entry(stop).or_insert(far);
            *least = far.min(*least);
            let flow = flows.entry(stop).or_default();
            if met.insert(stop) {
                flow.passed = flow.passed.saturating_add(way.amount);
            }
            if at == last {
                flow.holds = flow.holds.saturating_add(way.amount);
            }
        }
    }
    let most = steps.values().copied().max().unwrap_or(0);
    if side == Side::Last {
        steps
            .values_mut()
            .for_each(|column| *column = most - *column);
    }
    (steps, flows)
}

fn edges<K: Ord + Clone>(ways: &[Way<K>]) -> BTreeMap<(&K, &K), Sum> {
    let mut edges: BTreeMap<(&K, &K), Sum> = BTreeMap::new();
    for way in ways {
        let pairs = way.stops.iter().zip(way.stops.iter().skip(1));
        let count = way.stops.len().saturating_sub(1);
        for (at, pair) in pairs.enumerate() {
            let is_cut = way.is_cut && at + 1 == count;
            edges.entry(pair).or_default().add(way.amount, is_cut);
        }
    }
    edges
}

/// The stops of each column from top to bottom: the largest are kept apart from the rest, and those
/// stand where what leads to them stands.
fn ordered<'a, K: Ord + Clone>(
    columns: &BTreeMap<&'a K, usize>,
    flows: &BTreeMap<&K, Flow>,
    edges: &BTreeMap<(&K, &K), Sum>,
) -> Vec<Vec<&'a K>> {
    let count = columns.values().copied().max().map_or(0, |most| most + 1);
    let mut order: Vec<Vec<&K>> = vec![Vec::new(); count];
    for (key, column) in columns {
        if let Some(keys) = order.get_mut(*column) {
            keys.push(key);
        }
    }
    let size = |key: &K| flows.get(key).map_or(0, |flow| flow.passed);
    let mut rows: BTreeMap<&K, usize> = BTreeMap::new();
    for keys in &mut order {
        keys.sort_by_key(|key| (std::cmp::Reverse(size(key)), *key));
        let rest = keys.split_off(keys.len().min(BOXES_MOST));
        let mean = |key: &K| {
            let before = edges.keys().filter(|(_, to)| *to == key);
            let before: Vec<usize> = before
                .filter_map(|(from, _)| rows.get(from).copied())
                .collect();
            // In sixteenths, so that means differ; those that nothing leads to keep their size's place.
            before.iter().sum::<usize>() * 16 / before.len().max(1)
        };
        keys.sort_by_cached_key(|key| (mean(key), std::cmp::Reverse(size(key)), *key));
        keys.extend(rest);
        rows.extend(
            keys.iter()
                .enumerate()
                .map(|(row, key)| (*key, row.min(BOXES_MOST))),
        );
    }
    order
}

/// Where a curve touches a box.
type Port = (i32, i32);
type Places = BTreeMap<Seat, (i32, i32, i32)>;

/// Boxes as high as their curves need, each column in the middle of the picture.
fn boxes<K: Ord + Clone>(
    order: &[Vec<&K>],
    flows: &BTreeMap<&K, Flow>,
    drawn: &[Link],
) -> (Vec<Placed<K>>, Places) {
    let ports = |seat: Seat| {
        let out = drawn.iter().filter(|((from, _), _)| *from == seat).count();
        let into = drawn.iter().filter(|((_, to), _)| *to == seat).count();
        i32::try_from(out.max(into)).unwrap_or(i32::MAX / PORT)
    };
    let height = |seat: Seat| BOX_HEIGHT.max(ports(seat).saturating_mul(PORT) + 6);
    let rows = |keys: &Vec<&K>| keys.len().min(BOXES_MOST + 1);
    let tall = |(column, keys): (usize, &Vec<&K>)| -> i32 {
        (0..rows(keys))
            .map(|row| height((column, row)) + BETWEEN)
            .sum()
    };
    let tallest = order.iter().enumerate().map(tall).max().unwrap_or(0);
    let (mut placed, mut places) = (Vec::new(), Places::new());
    for (column, keys) in order.iter().enumerate() {
        let x = MARGIN + i32::try_from(column).unwrap_or(0) * (BOX_WIDTH + GAP);
        let mut y = MARGIN + (tallest - tall((column, keys))) / 2;
        for row in 0..rows(keys) {
            let mine = match row < BOXES_MOST {
                true => keys.get(row..=row),
                false => keys.get(row..),
            };
            let mine = mine.unwrap_or_default();
            let flow = |key: &&K| flows.get(*key).copied().unwrap_or_default();
            let sum = |part: fn(Flow) -> u128| {
                let parts = mine.iter().map(|key| part(flow(key)));
                parts.fold(0, u128::saturating_add)
            };
            let height = height((column, row));
            placed.push(Placed {
                what: match mine {
                    [one] => What::One((*one).clone()),
                    some => What::Rest(some.len()),
                },
                x,
                y,
                height,
                holds: sum(|flow| flow.holds),
                passed: sum(|flow| flow.passed),
            });
            places.insert((column, row), (x, y, height));
            y += height + BETWEEN;
        }
    }
    (placed, places)
}

fn curves(drawn: &[Link], places: &Places) -> Vec<Curve> {
    // Curves leave and arrive in the order of the boxes at their other ends.
    let mut used: BTreeMap<(Seat, bool), i32> = BTreeMap::new();
    let count = |seat: Seat, out: bool| {
        let at = |((from, to), _): &&Link| if out { *from } else { *to } == seat;
        i32::try_from(drawn.iter().filter(at).count()).unwrap_or(1)
    };
    let mut port = |seat: Seat, out: bool| {
        let (x, y, height) = places.get(&seat).copied().unwrap_or_default();
        let number = used.entry((seat, out)).or_insert(0);
        let first = y + (height - (count(seat, out) - 1) * PORT) / 2;
        let at = first + *number * PORT;
        *number += 1;
        (if out { x + BOX_WIDTH } else { x }, at)
    };
    let mut arrivals: Vec<usize> = (0..drawn.len()).collect();
    arrivals.sort_by_key(|at| drawn.get(*at).map(|((from, to), _)| (*to, *from)));
    let leaves: Vec<(i32, i32)> = drawn
        .iter()
        .map(|((from, _), _)| port(*from, true))
        .collect();
    let mut ends = vec![(0, 0); drawn.len()];
    for at in arrivals {
        if let (Some(((_, to), _)), Some(end)) = (drawn.get(at), ends.get_mut(at)) {
            *end = port(*to, false);
        }
    }
    let curve = |(((from, to), sum), (leaves, arrives)): (&Link, (Port, Port))| Curve {
        from: leaves,
        to: arrives,
        amount: sum.amount,
        is_cut: sum.is_cut,
        is_back: to.0 != from.0 + 1,
    };
    let ends = leaves.into_iter().zip(ends);
    drawn.iter().zip(ends).map(curve).collect()
}

impl Curve {
    /// As path data.
    pub fn path(&self) -> String {
        let ((x1, y1), (x2, y2)) = (self.from, self.to);
        let bend = GAP / 2;
        format!("M{x1} {y1}C{} {y1} {} {y2} {x2} {y2}", x1 + bend, x2 - bend)
    }

    /// Where its amount ends, beside the box it leads to.
    pub const fn label(&self) -> (i32, i32) {
        (self.to.0 - 7, self.to.1 - 4)
    }
}

impl<K> Placed<K> {
    /// Middle of its height.
    pub const fn middle(&self) -> i32 {
        self.y + self.height / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(stops: &[u32], amount: u128) -> Way<u32> {
        Way {
            stops: stops.to_vec(),
            amount,
            is_cut: false,
        }
    }

    fn place(layers: &Layers<u32>, key: u32) -> &Placed<u32> {
        let is = |placed: &&Placed<u32>| placed.what == What::One(key);
        layers.boxes.iter().find(is).unwrap()
    }

    fn apart(layers: &Layers<u32>) {
        for (at, one) in layers.boxes.iter().enumerate() {
            assert!(one.x >= 0 && one.x + BOX_WIDTH <= layers.width);
            assert!(one.y >= 0 && one.y + one.height <= layers.height);
            for other in layers.boxes.iter().skip(at + 1) {
                let beside = one.x != other.x;
                let below = one.y + one.height <= other.y || other.y + other.height <= one.y;
                assert!(beside || below, "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn sums_on_one_curve_are_added_and_boxes_stand_by_their_steps() {
        let ways = [way(&[1, 2], 5), way(&[1, 2], 7), way(&[1, 2, 3], 4)];
        let layers = draw(&ways, Side::First);
        apart(&layers);
        let [one, two, three] = [1, 2, 3].map(|key| place(&layers, key));
        assert!(one.x < two.x && two.x < three.x);
        assert_eq!((one.holds, one.passed), (0, 16));
        assert_eq!((two.holds, two.passed), (12, 16));
        let amounts: Vec<u128> = layers.curves.iter().map(|curve| curve.amount).collect();
        assert_eq!(amounts, [16, 4]);
        assert!(layers.curves.iter().all(|curve| !curve.is_back));
    }

    #[test]
    fn seen_from_its_end_what_came_straight_stands_beside_it() {
        let ways = [way(&[10, 9], 5), way(&[11, 12, 9], 5)];
        let layers = draw(&ways, Side::Last);
        apart(&layers);
        assert_eq!(place(&layers, 10).x, place(&layers, 12).x);
        assert!(place(&layers, 11).x < place(&layers, 12).x);
        assert!(place(&layers, 12).x < place(&layers, 9).x);
    }

    #[test]
    fn money_that_came_back_makes_no_second_box() {
        let layers = draw(&[way(&[1, 2, 3, 2], 5)], Side::First);
        apart(&layers);
        assert_eq!(layers.boxes.len(), 3);
        assert_eq!(place(&layers, 2).passed, 5);
        assert_eq!(
            layers.curves.iter().filter(|curve| curve.is_back).count(),
            1
        );
    }

    #[test]
    fn three_hundred_holders_are_eighteen_and_the_rest() {
        let mut ways: Vec<Way<u32>> = (0..300)
            .map(|holder| way(&[1, 1_000 + holder], u128::from(holder) + 1))
            .collect();
        ways.push(way(&[1, 5, 6], 40));
        let layers = draw(&ways, Side::First);
        apart(&layers);
        let rest = layers
            .boxes
            .iter()
            .find(|placed| matches!(placed.what, What::Rest(_)));
        let rest = rest.unwrap();
        assert_eq!(rest.what, What::Rest(301 - BOXES_MOST));
        let held: u128 = layers.boxes.iter().map(|placed| placed.holds).sum();
        assert_eq!(held, 300 * 301 / 2 + 40);
        assert!(place(&layers, 1_299).holds == 300);
        assert!(layers.curves.len() <= CURVES_MOST);
        // No two amounts are written over each other.
        let labels: BTreeSet<_> = layers.curves.iter().map(Curve::label).collect();
        assert_eq!(labels.len(), layers.curves.len());
        assert!(layers.height < 1_200, "{}", layers.height);
    }

    #[test]
    fn long_ways_stay_within_the_columns() {
        let stops: Vec<u32> = (0..50).collect();
        for side in [Side::First, Side::Last] {
            let layers = draw(&[way(&stops, 1)], side);
            apart(&layers);
            let columns: BTreeSet<i32> = layers.boxes.iter().map(|placed| placed.x).collect();
            assert_eq!(columns.len(), COLUMNS_MOST);
        }
        assert!(draw::<u32>(&[], Side::First).boxes.is_empty());
    }
}
