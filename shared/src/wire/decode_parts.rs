//! Controls, templates and plugin descriptions from bytes.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::decode::{Decoder, fields};
use super::error::Result;
use super::reader::Reader;
use crate::report::{Column, Control, MetadataTemplate, MetricTemplate, PluginSpec, TableTemplate};

fields!(ControlField {
    Id = b"id",
    Human = b"human",
    Icon = b"icon",
    Confirmation = b"confirmation",
    Rank = b"rank",
    ProbeId = b"probeId",
});
fields!(MetadataField {
    Id = b"id",
    Label = b"label",
    Truncate = b"truncate",
    DataType = b"dataType",
    Priority = b"priority",
    From = b"from",
});
fields!(MetricField {
    Id = b"id",
    Label = b"label",
    Format = b"format",
    Group = b"group",
    Priority = b"priority",
});
fields!(TableField {
    Id = b"id",
    Label = b"label",
    Prefix = b"prefix",
    Kind = b"type",
    Columns = b"columns",
    FixedRows = b"fixedRows",
});
fields!(ColumnField { Id = b"id", Label = b"label", DataType = b"dataType" });
fields!(PluginField {
    Id = b"id",
    Label = b"label",
    Description = b"description",
    Interfaces = b"interfaces",
    ApiVersion = b"api_version",
    Status = b"status",
});

impl<R: Reader> Decoder<R> {
    pub(super) fn control(&mut self) -> Result<Control> {
        let mut control = Control::default();
        let Some(mut map) = self.reader.map()? else { return Ok(control) };
        while let Some(field) = self.reader.field(&mut map, ControlField::known)? {
            match field {
                ControlField::Id => control.id = self.string()?,
                ControlField::Human => control.human = self.string()?,
                ControlField::Icon => control.icon = self.string()?,
                ControlField::Confirmation => control.confirmation = self.string()?,
                ControlField::Rank => control.rank = self.reader.int()?,
                ControlField::ProbeId => control.probe_id = self.string()?,
                ControlField::Unknown => self.skip()?,
            }
        }
        Ok(control)
    }

    pub(super) fn metadata_template(&mut self) -> Result<MetadataTemplate> {
        let mut template = MetadataTemplate::default();
        let Some(mut map) = self.reader.map()? else { return Ok(template) };
        while let Some(field) = self.reader.field(&mut map, MetadataField::known)? {
            match field {
                MetadataField::Id => template.id = self.string()?,
                MetadataField::Label => template.label = self.string()?,
                MetadataField::Truncate => template.truncate = self.reader.int()?,
                MetadataField::DataType => template.data_type = self.string()?,
                MetadataField::Priority => template.priority = self.reader.float()?,
                MetadataField::From => template.from = self.string()?,
                MetadataField::Unknown => self.skip()?,
            }
        }
        Ok(template)
    }

    pub(super) fn metric_template(&mut self) -> Result<MetricTemplate> {
        let mut template = MetricTemplate::default();
        let Some(mut map) = self.reader.map()? else { return Ok(template) };
        while let Some(field) = self.reader.field(&mut map, MetricField::known)? {
            match field {
                MetricField::Id => template.id = self.string()?,
                MetricField::Label => template.label = self.string()?,
                MetricField::Format => template.format = self.string()?,
                MetricField::Group => template.group = self.string()?,
                MetricField::Priority => template.priority = self.reader.float()?,
                MetricField::Unknown => self.skip()?,
            }
        }
        Ok(template)
    }

    pub(super) fn table_template(&mut self) -> Result<TableTemplate> {
        let mut template = TableTemplate::default();
        let Some(mut map) = self.reader.map()? else { return Ok(template) };
        while let Some(field) = self.reader.field(&mut map, TableField::known)? {
            match field {
                TableField::Id => template.id = self.string()?,
                TableField::Label => template.label = self.string()?,
                TableField::Prefix => template.prefix = self.string()?,
                TableField::Kind => template.kind = self.string()?,
                TableField::Columns => template.columns = self.list(Self::column)?,
                TableField::FixedRows => {
                    template.fixed_rows = if self.reader.null()? {
                        None
                    } else {
                        Some(self.tree(Self::string)?)
                    };
                }
                TableField::Unknown => self.skip()?,
            }
        }
        Ok(template)
    }

    fn column(&mut self) -> Result<Column> {
        let mut column = Column::default();
        let Some(mut map) = self.reader.map()? else { return Ok(column) };
        while let Some(field) = self.reader.field(&mut map, ColumnField::known)? {
            match field {
                ColumnField::Id => column.id = self.string()?,
                ColumnField::Label => column.label = self.string()?,
                ColumnField::DataType => column.data_type = self.string()?,
                ColumnField::Unknown => self.skip()?,
            }
        }
        Ok(column)
    }

    /// Plugins travel as an array and live in a map.
    pub(super) fn plugins(&mut self) -> Result<Option<BTreeMap<SmolStr, PluginSpec>>> {
        let plugins = self.list(Self::plugin)?;
        Ok(plugins.map(|plugins| plugins.into_iter().map(|plugin| (plugin.id.clone(), plugin)).collect()))
    }

    fn plugin(&mut self) -> Result<PluginSpec> {
        let mut plugin = PluginSpec::default();
        let Some(mut map) = self.reader.map()? else { return Ok(plugin) };
        while let Some(field) = self.reader.field(&mut map, PluginField::known)? {
            match field {
                PluginField::Id => plugin.id = self.string()?,
                PluginField::Label => plugin.label = self.string()?,
                PluginField::Description => plugin.description = self.string()?,
                PluginField::Interfaces => plugin.interfaces = self.list(Self::string)?,
                PluginField::ApiVersion => plugin.api_version = self.string()?,
                PluginField::Status => plugin.status = self.string()?,
                PluginField::Unknown => self.skip()?,
            }
        }
        Ok(plugin)
    }
}
