//! The code of a device that is to be linked: as it was pasted, or out of a picture of it.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use evanesce::person::{LinkCode, LinkCodeError};
use evanesce::zeroize::Zeroizing;
use image::{GrayImage, ImageReader, Limits};

use crate::shown::LinkText;

/// Bytes of a picture that is looked at.
const LARGEST: u64 = 16 << 20;

/// Pixels of a side: a photograph has fewer.
const LONGEST_SIDE: u32 = 10_000;

/// Bytes that a decoder may take.
const MOST_MEMORY: u64 = 256 << 20;

/// Takes what follows `/link`: the code in base64url, or else a file with a picture of it.
pub fn read(text: &str) -> Result<LinkCode, String> {
    if let Some(bytes) = LinkText::read(text).filter(|_| !Path::new(text).exists()) {
        return decoded(&bytes);
    }
    let picture = picture(Path::new(text))?;
    let bytes = scanned(picture).ok_or("there is no code in this picture that can be read")?;
    decoded(&bytes)
}

fn decoded(bytes: &[u8]) -> Result<LinkCode, String> {
    LinkCode::decode(bytes).map_err(|error| match error {
        LinkCodeError::Malformed => "this is no code of a device, or not all of it".into(),
        LinkCodeError::Unsupported => {
            "this is no code of a device, or one of a newer release".into()
        }
        other => other.to_string(),
    })
}

fn picture(path: &Path) -> Result<GrayImage, String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = File::open(path).map_err(|error| told(&error))?;
    let mut bytes = Vec::new();
    file.take(LARGEST).read_to_end(&mut bytes).map_err(|error| told(&error))?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    let reader = ImageReader::new(BufReader::new(std::io::Cursor::new(bytes)));
    let mut reader = reader.with_guessed_format().map_err(|error| told(&error))?;
    reader.limits(limits);
    Ok(reader.decode().map_err(|error| told(&error))?.into_luma8())
}

/// What the first QR code in the picture says that can be read.
fn scanned(picture: GrayImage) -> Option<Zeroizing<Vec<u8>>> {
    let (width, height) = picture.dimensions();
    let (width, height) = (usize::try_from(width).ok()?, usize::try_from(height).ok()?);
    let pixels = picture.into_raw();
    let brightness = |x: usize, y: usize| {
        let place = y.checked_mul(width).and_then(|place| place.checked_add(x));
        place.and_then(|place| pixels.get(place)).copied().unwrap_or(u8::MAX)
    };
    let mut prepared = rqrr::PreparedImage::prepare_from_greyscale(width, height, brightness);
    prepared.detect_grids().iter().find_map(|grid| {
        let mut bytes = Zeroizing::new(Vec::new());
        grid.decode_to(&mut *bytes).ok().map(|_| bytes)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;
    use evanesce::person::OwnDevices;
    use evanesce::{Account, Address, Timestamp};
    use image::Luma;
    use qrcode::types::Color;
    use qrcode::{EcLevel, QrCode};

    fn code() -> LinkCode {
        let (now, rng) = (Timestamp::from_unix_seconds(1_800_000_000), &mut random::system());
        let account = Account::generate(Address::new("bob.laptop").unwrap(), now, rng);
        OwnDevices::new(&account).show_link_code(now, rng)
    }

    /// A picture with so many pixels for each module.
    fn drawn(content: &[u8], side: u32) -> GrayImage {
        let code = QrCode::with_error_correction_level(content, EcLevel::L).unwrap();
        let (colours, width) = (code.to_colors(), u32::try_from(code.width()).unwrap());
        let whole = (width + 8) * side;
        GrayImage::from_fn(whole, whole, |x, y| {
            let module = |at: u32| (at / side).checked_sub(4).filter(|it| *it < width);
            match (module(x), module(y)) {
                (Some(x), Some(y))
                    if colours[usize::try_from(y * width + x).unwrap()] == Color::Dark =>
                {
                    Luma([20])
                }
                _ => Luma([230]),
            }
        })
    }

    #[test]
    fn a_code_is_read_pasted_and_out_of_a_picture() {
        let code = code();
        let pasted = read(&LinkText::new(code.encode()).to_string()).unwrap();
        assert_eq!(*pasted.encode(), *code.encode());
        let path = std::env::temp_dir().join(format!("chat-scan-{}.png", std::process::id()));
        for side in [3, 8] {
            drawn(&code.encode(), side).save(&path).unwrap();
            assert_eq!(*read(path.to_str().unwrap()).unwrap().encode(), *code.encode());
        }
        drawn(b"something else", 4).save(&path).unwrap();
        let why = read(path.to_str().unwrap()).unwrap_err();
        assert_eq!(why, "this is no code of a device, or one of a newer release");
        GrayImage::from_pixel(90, 90, Luma([230])).save(&path).unwrap();
        let why = read(path.to_str().unwrap()).unwrap_err();
        assert_eq!(why, "there is no code in this picture that can be read");
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn what_is_neither_is_told_so() {
        let text = LinkText::new(code().encode()).to_string();
        let why = read(text.get(4..).unwrap()).unwrap_err();
        assert!(why.starts_with("this is no code of a device, or "), "{why}");
        assert!(read("/no/such/file.png").unwrap_err().starts_with("/no/such/file.png: "));
    }
}
