//! An answer byte by byte, as a script in Python computes it with `hmac` and `hashlib`.

use exportitems_ntlm::{Authenticate, Challenge, ChannelBinding, Login, NtHash, User};

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// The server has no version and no keys of 56 bits, flags of its own in `MsvAvFlags`, and a binding
/// that is not the server's to send.
#[test]
fn a_whole_answer() {
    let challenge = bytes(
        "4e544c4d53535000020000000600060030000000058289200123456789abcdef000000000000000036003600\
        3600000043004f004e000200060043004f004e000600040001000000070008000080e689c460dc010a001000\
        0000000000000000000000000000000000000000",
    );
    let login = Login {
        user: User::parse(r"Con\jörg").unwrap(),
        hash: &NtHash::from_password("pässwörd"),
        host: "mail",
        binding: Some(ChannelBinding::tls_server_end_point(&[0x5a; 32])),
        nonce: *b"8 random",
    };
    let challenge = Challenge::read(&challenge).unwrap();
    let answer = Authenticate::new(&challenge, &login).unwrap();
    let expected = bytes(
        "4e544c4d535350000300000018001800660000007c007c007e0000000600060058000000080008005e000000\
        000000006600000000000000fa000000058288200000000000000000f567f887a052fa8ee169f121d963ef75\
        43006f006e006a00f60072006700000000000000000000000000000000000000000000000000bd4e0cb8a578\
        ac1edaced428c60f4ca601010000000000000080e689c460dc01382072616e646f6d00000000020006004300\
        4f004e00070008000080e689c460dc0106000400030000000a00100086e996ec5e117d96509dc7630fa8077f\
        0900120048005400540050002f006d00610069006c000000000000000000",
    );
    assert_eq!(answer.len(), expected.len());
    let mut message = vec![0; expected.len()];
    assert_eq!(answer.write(&mut message).unwrap(), expected);
}
