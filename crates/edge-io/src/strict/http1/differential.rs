//! The HTTP library, given what the strict reading passes on, must find the same requests.

use proptest::prelude::*;

use super::agreement;
use super::tests::stream;

proptest! {
    #[test]
    fn the_library_finds_the_same_requests(stream in stream()) {
        agreement::check(&stream);
    }
}
