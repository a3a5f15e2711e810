//! Commands for the reader to paste into a shell, with the path of this program.

/// Returns the lines that explain an export from an emulated server, in a POSIX shell and in PowerShell.
///
/// The usual shell of this system comes first.
pub(super) fn to_try() -> Vec<String> {
    let program = std::env::current_exe().map_or_else(
        |_| "exportitems".to_owned(),
        |path| path.display().to_string(),
    );
    let shells = [
        ("in a shell such as bash", posix(&program)),
        ("in PowerShell", power_shell(&program)),
    ];
    let own = usize::from(cfg!(windows));
    let mut lines = Vec::new();
    for (shell, commands) in [&shells[own], &shells[1 - own]] {
        lines.push(String::new());
        lines.push(format!(
            "Try it yourself {shell}; the last line stops the server:"
        ));
        lines.extend(commands.iter().map(|command| format!("  {command}")));
    }
    lines
}

/// The script removes `url.txt` itself, because the shell may read the file of an earlier server before the new
/// server has replaced it.
fn posix(program: &str) -> [String; 4] {
    let program = format!("'{}'", program.replace('\'', "'\\''"));
    [
        format!(
            "rm -f url.txt; {program} emulate --url-file url.txt --ids-file ids.txt > /dev/null & server=$!"
        ),
        "until [ -e url.txt ] || ! kill -0 $server; do sleep 0.1; done".to_owned(),
        format!("{program} export --url \"$(cat url.txt)\" --ids ids.txt --out mail"),
        "kill $server".to_owned(),
    ]
}

fn power_shell(program: &str) -> [String; 4] {
    let program = format!("'{}'", program.replace('\'', "''"));
    [
        format!(
            "Remove-Item url.txt -ErrorAction Ignore; $server = Start-Process {program} \
             'emulate --url-file url.txt --ids-file ids.txt' -PassThru -NoNewWindow -RedirectStandardOutput server.txt"
        ),
        "while (-not (Test-Path url.txt)) { Start-Sleep -Milliseconds 100 }".to_owned(),
        format!("& {program} export --url (Get-Content url.txt) --ids ids.txt --out mail"),
        "$server | Stop-Process".to_owned(),
    ]
}
