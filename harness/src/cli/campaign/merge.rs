//! `rashomon campaign merge`: one campaign of its shards.

use std::fs;
use std::path::{Path, PathBuf};

use clap::Args;
use rashomon_campaign::{Header, Shard};

use super::super::error::CommandError;
use super::{Results, status};
use crate::campaign::{CampaignError, CampaignFolder, Campaigns, write_outputs};
use crate::registry::Registry;

#[derive(Args)]
pub(crate) struct MergeArguments {
    /// The folders of the shards, in any order
    #[arg(required = true)]
    shards: Vec<PathBuf>,
    #[command(flatten)]
    results: Results,
}

/// Runs `rashomon campaign merge`: the order of the folders changes nothing, and merging again changes nothing.
pub(crate) fn merge(registry: &Registry, arguments: &MergeArguments) -> Result<u8, CommandError> {
    let shards: Vec<CampaignFolder> = arguments.shards.iter().map(CampaignFolder::at).collect();
    let headers = shards.iter().map(CampaignFolder::header).collect::<Result<Vec<Header>, _>>()?;
    check(&shards, &headers)?;
    let campaigns = Campaigns::of(&arguments.results.results);
    let started = headers.iter().map(|header| &header.started).min().expect("clap wants one").clone();
    let header = Header { shard: Shard::WHOLE, started, ..headers[0].clone() };
    let there = campaigns
        .list(Some(&header.name))
        .into_iter()
        .find(|folder| folder.header().is_ok_and(|there| there == header));
    let folder = match there {
        Some(folder) => folder,
        None => campaigns.create(&header, &shards[0].specification()?)?,
    };
    let lock = folder.lock()?;
    let mut journal = folder.journal()?;
    for shard in &shards {
        for record in shard.records()? {
            if journal.has(&record.id) {
                continue;
            }
            if let Some(digest) = &record.digest {
                let failed =
                    |error| CampaignError::Io { action: "copy", path: shard.runs().join(&digest.run), source: error };
                copy(&shard.runs().join(&digest.run), &folder.runs().join(&digest.run)).map_err(failed)?;
            }
            journal.append(record)?;
        }
    }
    let summary = status::summed_up(registry, &folder, &campaigns)?;
    write_outputs(&folder, &summary, &super::super::program_name())?;
    drop(lock);
    status::print_summary(&folder, &summary);
    Ok(summary.exit_code)
}

/// That the folders are parts of one campaign, each once.
fn check(shards: &[CampaignFolder], headers: &[Header]) -> Result<(), CampaignError> {
    for (folder, header) in shards.iter().zip(headers) {
        if !header.same_campaign(&headers[0]) {
            let (one, other) = (shards[0].path().display(), folder.path().display());
            let what = format!(
                "{one} and {other} are not parts of one campaign: they differ in specification, day, seed or number of parts"
            );
            return Err(CampaignError::Unmergeable(what));
        }
    }
    let mut indices: Vec<u32> = headers.iter().map(|header| header.shard.index).collect();
    indices.sort_unstable();
    if let Some(twice) = indices.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(CampaignError::Unmergeable(format!("part {} is there twice", twice[0])));
    }
    Ok(())
}

/// Copies a run's folder; files that can be shared are. What is there already stays.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&source, &target)?;
        } else if kind.is_file() && !target.exists() && fs::hard_link(&source, &target).is_err() {
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}
