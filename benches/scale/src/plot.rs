//! The plot: what a message takes of a processor, by how many peers there are. Both axes are logarithmic.

use std::fmt::Write;

use crate::measured::Measured;
use crate::serving::Where;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;

/// Where the axes are: left, right, top, bottom.
const FRAME: [f64; 4] = [70.0, 520.0, 50.0, 370.0];

/// Powers of ten that the axes reach.
const PEERS: [f64; 2] = [3.0, 6.0];
const MICROS: [f64; 2] = [0.0, 3.0];

/// One curve, of points of peers and microseconds.
pub struct Curve {
    name: &'static str,
    colour: &'static str,
    kind: (Where, usize, Part),
    points: Vec<(f64, f64)>,
}

/// Of what the time is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    All,
    Library,
}

impl Curve {
    pub fn all() -> Vec<Self> {
        let curve = |name, colour, kind| Self { name, colour, kind, points: Vec::new() };
        Vec::from([
            curve("in the store, one by one", "#d55e00", (Where::Store, 1, Part::All)),
            curve("in memory, one by one", "#e69f00", (Where::Memory, 1, Part::All)),
            curve("in the store, 64 at a time", "#0072b2", (Where::Store, 64, Part::All)),
            curve("in memory, 64 at a time", "#56b4e9", (Where::Memory, 64, Part::All)),
            curve("of that in the library", "#009e73", (Where::Memory, 64, Part::Library)),
        ])
    }

    pub fn add(&mut self, place: Where, batch: usize, peers: usize, measured: &Measured) {
        let (its_place, its_batch, part) = self.kind;
        if (place, batch) == (its_place, its_batch) {
            let time = match part {
                Part::All => measured.processor(),
                Part::Library => measured.in_library(),
            };
            self.points.push((peers as f64, time.as_secs_f64() * 1e6));
        }
    }
}

/// The whole picture.
pub fn drawn(curves: &[Curve]) -> String {
    let [left, right, top, bottom] = FRAME;
    let x = |peers: f64| left + (peers.log10() - PEERS[0]) / (PEERS[1] - PEERS[0]) * (right - left);
    let y = |micros: f64| {
        bottom - (micros.log10() - MICROS[0]) / (MICROS[1] - MICROS[0]) * (bottom - top)
    };
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{left}\" y=\"28\" font-size=\"15\">What a message takes of a processor, by how many conversations there are</text>\n"
    );
    let line = |out: &mut String, from: (f64, f64), to: (f64, f64)| {
        let _ = writeln!(
            out,
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"#ccc\"/>",
            from.0, from.1, to.0, to.1
        );
    };
    for (peers, name) in [(1e3, "1,000"), (1e4, "10,000"), (1e5, "100,000"), (1e6, "1,000,000")] {
        line(&mut out, (x(peers), top), (x(peers), bottom));
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>",
            x(peers),
            bottom + 20.0
        );
    }
    for (micros, name) in [(1.0, "1 µs"), (10.0, "10 µs"), (100.0, "100 µs"), (1e3, "1 ms")] {
        line(&mut out, (left, y(micros)), (right, y(micros)));
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
            left - 8.0,
            y(micros) + 4.0
        );
    }
    for curve in curves {
        let points: Vec<String> = curve
            .points
            .iter()
            .map(|(peers, micros)| format!("{:.1},{:.1}", x(*peers), y(*micros)))
            .collect();
        let colour = curve.colour;
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            points.join(" ")
        );
        for (peers, micros) in &curve.points {
            let _ = writeln!(
                out,
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\" fill=\"{colour}\"/>",
                x(*peers),
                y(*micros)
            );
        }
    }
    for (place, curve) in curves.iter().enumerate() {
        let height = top + 20.0 + 22.0 * place as f64;
        let _ = writeln!(
            out,
            "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"14\" height=\"4\" fill=\"{}\"/>",
            right + 12.0,
            height - 6.0,
            curve.colour
        );
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{height:.1}\" font-size=\"12\">{}</text>",
            right + 32.0,
            curve.name
        );
    }
    out.push_str("</svg>\n");
    out
}
