variable "name" {
  description = "What the names of everything here begin with."
  type        = string
  default     = "trailrisk"
}

variable "central_bus_arn" {
  description = "`bus_arn` of the module `stream`."
  type        = string
  validation {
    condition     = can(regex("^arn:[a-z-]+:events:[a-z0-9-]+:[0-9]{12}:event-bus/.+$", var.central_bus_arn))
    error_message = "central_bus_arn: the ARN of an event bus."
  }
}

variable "event_scope" {
  description = "As in the module `stream`."
  type        = string
  default     = "narrow"
  validation {
    condition     = contains(["narrow", "broad"], var.event_scope)
    error_message = "event_scope: narrow or broad."
  }
}

variable "read_only_management_events" {
  description = "As in the module `stream`."
  type        = bool
  default     = false
}

variable "alarm_topic_arn" {
  description = "The SNS topic that the alarm notifies, in the same region; its policy must let CloudWatch of this account in. Empty, none."
  type        = string
  default     = ""
}
