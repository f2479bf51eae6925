//! Pictures out of files of others, within limits: who made one may want it to fill the memory.

use std::io::Cursor;

use evanesce::zeroize::Zeroizing;
use image::{ImageFormat, ImageReader, Limits, RgbImage};

use crate::engine::WholeFile;

/// Bytes of a file that is looked at.
const LARGEST: u64 = 16 << 20;

/// Pixels of a side.
const LONGEST_SIDE: u32 = 10_000;

/// Bytes that a decoder may take.
const MOST_MEMORY: u64 = 256 << 20;

/// Pixels of a side of what is kept: more than a terminal has.
const KEPT_SIDE: u32 = 512;

/// A picture that is being taken out of the store.
pub struct Look {
    format: ImageFormat,
    bytes: Zeroizing<Vec<u8>>,
}

impl Look {
    /// A picture as its message says what it is: a file that is something else is none.
    pub fn begin(file: &WholeFile) -> Result<Self, String> {
        let format = match file.media_type.as_str() {
            "image/png" => ImageFormat::Png,
            "image/jpeg" => ImageFormat::Jpeg,
            _ => return Err(refused("only PNG and JPEG are shown")),
        };
        if file.size > LARGEST {
            return Err(refused("it is too large to be shown"));
        }
        // With room for all of it, so that what grows leaves no copies behind.
        let bytes = Vec::with_capacity(usize::try_from(file.size).unwrap_or(0));
        Ok(Self { format, bytes: Zeroizing::new(bytes) })
    }

    pub fn add(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
    }

    /// Decodes it, now that all of it is here.
    pub fn end(self) -> Result<RgbImage, String> {
        decode(&self.bytes, self.format)
            .ok_or_else(|| refused("it is no picture, or too large a one"))
    }
}

fn refused(why: &str) -> String {
    format!("{why}: /save ID saves it")
}

fn decode(bytes: &[u8], format: ImageFormat) -> Option<RgbImage> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let picture = reader.decode().ok()?;
    let is_large = picture.width().max(picture.height()) > KEPT_SIDE;
    let kept = if is_large { picture.thumbnail(KEPT_SIDE, KEPT_SIDE) } else { picture };
    Some(kept.into_rgb8())
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        let picture = RgbImage::from_pixel(width, height, Rgb([200, 10, 10]));
        picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_picture_is_kept_no_larger_than_a_terminal_needs() {
        let picture = decode(&png(2_000, 1_000), ImageFormat::Png).unwrap();
        assert_eq!(picture.dimensions(), (512, 256));
        assert_eq!(decode(&png(3, 2), ImageFormat::Png).unwrap().get_pixel(2, 1).0, [200, 10, 10]);
    }

    #[test]
    fn what_is_no_picture_of_its_type_or_a_giant_is_none() {
        let small = png(3, 2);
        assert!(decode(&small, ImageFormat::Jpeg).is_none());
        assert!(decode(&small[..small.len() / 2], ImageFormat::Png).is_none());
        // A header may say anything.
        let mut giant = small;
        giant[16..20].copy_from_slice(&200_000_u32.to_be_bytes());
        assert!(decode(&giant, ImageFormat::Png).is_none());
        assert!(decode(b"", ImageFormat::Png).is_none());
    }
}
