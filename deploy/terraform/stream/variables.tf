variable "name" {
  description = "What the names of everything here begin with."
  type        = string
  default     = "trailrisk"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,31}$", var.name))
    error_message = "name: a letter, then letters, digits and -, at most 32 in all, in small letters."
  }
}

variable "event_scope" {
  description = "`narrow`: only the events that the shipped detection searches. `broad`: everything that CloudTrail sends to EventBridge, for detections of your own."
  type        = string
  default     = "narrow"
  validation {
    condition     = contains(["narrow", "broad"], var.event_scope)
    error_message = "event_scope: narrow or broad."
  }
}

variable "read_only_management_events" {
  description = "With `broad`, also List, Get and Describe calls, which EventBridge otherwise leaves out. Many times the volume."
  type        = bool
  default     = false
}

variable "organization_id" {
  description = "With the id of an organisation, the events are taken from a bus to which its accounts may forward. Empty, from this account's default bus."
  type        = string
  default     = ""
  validation {
    condition     = can(regex("^(o-[a-z0-9]{10,32})?$", var.organization_id))
    error_message = "organization_id: such as o-a1b2c3d4e5, or empty."
  }
}

variable "partition_key_path" {
  description = "What keeps events together in one shard. No result depends on it; it spreads the load."
  type        = string
  default     = "$.account"
  validation {
    condition     = can(regex("^\\$\\.[A-Za-z0-9_.\\[\\]-]{1,253}$", var.partition_key_path))
    error_message = "partition_key_path: a path into the event, such as $.account."
  }
}

variable "stream_mode" {
  description = "ON_DEMAND grows by itself; PROVISIONED costs less where the load is small and even."
  type        = string
  default     = "ON_DEMAND"
  validation {
    condition     = contains(["ON_DEMAND", "PROVISIONED"], var.stream_mode)
    error_message = "stream_mode: ON_DEMAND or PROVISIONED."
  }
}

variable "shard_count" {
  description = "With PROVISIONED. A shard takes 1 MiB or 1000 records a second."
  type        = number
  default     = 1
  validation {
    condition     = var.shard_count >= 1 && var.shard_count <= 1000
    error_message = "shard_count: 1 to 1000."
  }
}

variable "retention_hours" {
  description = "How long records can be read again. Must exceed window + grace + the longest outage to be survived."
  type        = number
  default     = 72
  validation {
    condition     = var.retention_hours >= 24 && var.retention_hours <= 8760
    error_message = "retention_hours: 24 to 8760."
  }
}

variable "fan_out_consumer" {
  description = "The name of a consumer to register, for enhanced fan-out (docs/kinesis.md), which is billed. Empty, the daemon polls."
  type        = string
  default     = ""
  validation {
    condition     = can(regex("^([a-zA-Z0-9_.-]{1,128})?$", var.fan_out_consumer))
    error_message = "fan_out_consumer: letters, digits, _, . and -, at most 128, or empty."
  }
}

variable "lease_table" {
  description = "`create`: a DynamoDB table for the checkpoint, so that the daemon needs no disk. `none`: the checkpoint is a file, on EFS or a volume of Kubernetes."
  type        = string
  default     = "none"
  validation {
    condition     = contains(["create", "none"], var.lease_table)
    error_message = "lease_table: create or none."
  }
}

variable "minutes_behind" {
  description = "An alarm is raised when for so long the daemon was more than a minute behind, or not there."
  type        = number
  default     = 10
  validation {
    condition     = var.minutes_behind >= 1 && var.minutes_behind <= 1440
    error_message = "minutes_behind: 1 to 1440."
  }
}

variable "alarm_topic_arn" {
  description = "The SNS topic that alarms notify. Empty, none."
  type        = string
  default     = ""
}
